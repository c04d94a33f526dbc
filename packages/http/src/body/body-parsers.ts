import type { Readable } from 'node:stream'
import { parse as parseQuery } from 'node:querystring'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { decodeText, DomainError, parseJson, parseLargeJson, runWorkload } from '@user-stats/core'
import { registerContentEncoding } from './content-encoding.ts'
import { readBody } from './read-body.ts'

/** A form body: fields by name; of a repeated field the last one counts. */
export class FormBody {
  readonly fields: Readonly<Record<string, string>>

  constructor(text: string) {
    this.fields = Object.fromEntries(
      Object.entries(parseQuery(text, '&', '=', { maxKeys: 100 })).map(([name, value]) => [
        name,
        Array.isArray(value) ? (value.at(-1) ?? '') : (value ?? ''),
      ]),
    )
  }
}

/** Media types of one JSON text: with any parameters, and those that are JSON by their suffix. */
export const jsonMediaType = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/

/** Bytes that are parsed at once; more are parsed while others have their turn. */
const smallBody = 4_096

/** JSON and form bodies, decoded and parsed by our rules instead of Fastify's. */
export function registerBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.decorateRequest('mayBeLarge', false)
  registerContentEncoding(app)
  app.addContentTypeParser(jsonMediaType, parseJsonBody)
  app.addContentTypeParser('text/plain', async (request: FastifyRequest, payload: Readable) => {
    if (request.routeOptions.config.plainText !== true) throw new DomainError('UNSUPPORTED_MEDIA_TYPE')
    return await parseJsonBody(request, payload)
  })
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    async (request: FastifyRequest, payload: Readable) =>
      new FormBody(decodeText(await readBody(request, payload))),
  )
}

async function parseJsonBody(request: FastifyRequest, payload: Readable): Promise<unknown> {
  const body = await readBody(request, payload)
  // Clients send DELETE with a JSON content type and nothing in it.
  if (body.length === 0 && request.method === 'DELETE') return undefined
  if (body.length <= smallBody) return parseJson(body)
  return await runWorkload(request.workload, () => parseLargeJson(body))
}
