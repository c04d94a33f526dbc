import type { Readable } from 'node:stream'
import { parse as parseQuery } from 'node:querystring'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { decodeText, DomainError, parseJson, parseLargeJson, runWorkload } from '@user-stats/core'
import { registerContentEncoding } from './content-encoding.ts'
import { readBody } from './read-body.ts'

/** A form body: fields by name; the last value of a repeated field wins. */
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

/** Media types of a single JSON text: with any parameters, and those with the suffix `+json`. */
export const jsonMediaType = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/

/** Bodies up to this size are parsed synchronously; larger ones in pieces, between other requests. */
const smallBody = 4_096

/** Decodes and parses JSON and form bodies by our rules instead of Fastify's. */
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
  // Some clients send DELETE with a JSON content type and an empty body.
  if (body.length === 0 && request.method === 'DELETE') return undefined
  if (body.length <= smallBody) return parseJson(body)
  return await runWorkload(request.workload, () => parseLargeJson(body))
}
