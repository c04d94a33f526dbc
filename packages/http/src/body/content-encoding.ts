import type { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { DomainError } from '@user-stats/core'
import { contentEncodings, Decoder } from './decoder.ts'
import { bodyLimitOf, hasBody, tooLarge } from './read-body.ts'

/** Maximum number of nested encodings of one body. */
const maxEncodings = 4
const supported = 'gzip, deflate, br, zstd'

/**
 * Decodes a body while it arrives, by its `Content-Encoding` (RFC 9110, 8.4). The size limit of a body
 * applies to the output of each decoding.
 */
export function registerContentEncoding(app: FastifyInstance): void {
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (request.headers['content-encoding'] === undefined || !hasBody(request)) {
      done(null, payload)
      return
    }
    const encodings = encodingsOf(request.headers['content-encoding'])
    if (encodings === undefined) {
      void reply.header('accept-encoding', supported)
      done(
        new DomainError('UNSUPPORTED_MEDIA_TYPE', {
          message: `The content encoding is not supported. Send the body as it is, or encoded with ${supported}.`,
        }),
      )
      return
    }
    const limit = bodyLimitOf(request)
    let decoded = payload as Readable
    for (const encoding of encodings)
      decoded = chain(decoded, new Decoder({ encoding, limit, tooLarge: () => tooLarge(request) }))
    // Some requests are answered without reading their body: nobody else listens for its errors then.
    decoded.on('error', () => undefined)
    done(null, decoded)
  })
}

/**
 * Encodings in the order of decoding, the last applied first; undefined when one is unknown or there are too
 * many.
 */
function encodingsOf(header: string): string[] | undefined {
  const names = header
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity')
  return names.length <= maxEncodings && names.every((name) => contentEncodings.has(name))
    ? names.reverse()
    : undefined
}

/**
 * `pipe` with error propagation. The request stream stays open when decoding fails, so that an error can be
 * sent.
 */
function chain(from: Readable, to: Decoder): Decoder {
  from.on('error', (error) => to.destroy(error))
  return from.pipe(to)
}
