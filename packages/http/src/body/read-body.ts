import type { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { DomainError } from '@user-stats/core'

/** Maximum bytes of a body without an access token: enough for an API key or a small query. */
const anonymousLimit = 65_536

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether the caller is authenticated, and may send a large body. */
    mayBeLarge: boolean
  }
  interface FastifyContextConfig {
    /** The body is streamed while the request is processed, and may have any size. */
    readonly streamed?: boolean
    /** JSON is also accepted as `text/plain`: browsers' beacons send nothing else. */
    readonly plainText?: boolean
  }
}

/** Whether a request's headers announce a body. */
export const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** Maximum bytes of a request's body, after decoding. */
export function bodyLimitOf({ mayBeLarge, routeOptions }: FastifyRequest): number {
  if (!mayBeLarge) return Math.min(routeOptions.bodyLimit, anonymousLimit)
  return routeOptions.config.streamed === true ? Infinity : routeOptions.bodyLimit
}

/** PAYLOAD_TOO_LARGE, with the limit and how to raise it. */
export function tooLarge(request: FastifyRequest): DomainError {
  const limit = bodyLimitOf(request)
  const without = request.mayBeLarge ? '' : ' without an access token'
  return new DomainError('PAYLOAD_TOO_LARGE', {
    message: `The request body is too large: at most ${limit.toLocaleString('en')} bytes are taken${without}.`,
  })
}

/** Bodies up to this size are collected without growing the buffer. */
const firstSize = 4_096

/**
 * Reads a whole body. Uses no more than twice its size in memory, however small the chunks are.
 *
 * @throws PAYLOAD_TOO_LARGE, and errors of the stream
 */
export function readBody(request: FastifyRequest, payload: Readable): Promise<Buffer> {
  const limit = bodyLimitOf(request)
  const declared = Number(request.headers['content-length'])
  if (declared > limit) return Promise.reject(tooLarge(request))
  if (payload.errored) return Promise.reject(payload.errored)
  return new Promise((resolve, reject) => {
    let body = Buffer.alloc(0)
    let size = 0
    const take = (chunk: Buffer): void => {
      const needed = size + chunk.length
      if (needed > limit) {
        payload.off('data', take)
        reject(tooLarge(request))
        return
      }
      if (needed > body.length) {
        // Most bodies arrive in one chunk.
        const larger = Buffer.allocUnsafe(needed === declared ? needed : Math.max(firstSize, 2 * needed))
        body.copy(larger, 0, 0, size)
        body = larger
      }
      chunk.copy(body, size)
      size = needed
    }
    payload
      .on('data', take)
      .once('end', () => {
        resolve(body.subarray(0, size))
      })
      .on('error', reject)
  })
}
