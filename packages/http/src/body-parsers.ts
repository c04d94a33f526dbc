import { parse as parseQuery } from 'node:querystring'
import type { FastifyInstance } from 'fastify'
import { decodeText, parseJson, parseLargeJson } from '@user-stats/core'

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

/** Bytes that are parsed at once. */
const smallBody = 65_536

/** JSON and form bodies, parsed by our rules instead of Fastify's. */
export function registerBodyParsers(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    /^application\/(?:[\w.-]+\+)?json\b/,
    { parseAs: 'buffer' },
    (request, body, done) => {
      // Clients send DELETE with a JSON content type and nothing in it.
      if (body.length === 0 && (request.method === 'DELETE' || request.method === 'GET')) {
        done(null, undefined)
        return
      }
      if (body.length > smallBody) {
        parseLargeJson(body as Buffer).then((value) => {
          done(null, value)
        }, done)
        return
      }
      try {
        done(null, parseJson(body as Buffer))
      } catch (error) {
        done(error as Error)
      }
    },
  )
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    (_request, body, done) => {
      try {
        done(null, new FormBody(decodeText(body as Buffer)))
      } catch (error) {
        done(error as Error)
      }
    },
  )
}
