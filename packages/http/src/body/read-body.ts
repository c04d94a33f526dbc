import type { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { DomainError } from '@user-stats/core'

/** Bytes of a body whose sender has not signed in: an API key, a query or two. */
const anonymousLimit = 65_536

declare module 'fastify' {
  interface FastifyRequest {
    /** Whether its sender is known well enough to send a large body. */
    mayBeLarge: boolean
  }
  interface FastifyContextConfig {
    /** The body is read while the request is answered, and may have any size. */
    readonly streamed?: boolean
    /** JSON is also taken as `text/plain`: beacons of browsers send nothing else. */
    readonly plainText?: boolean
  }
}

/** Bytes that the body of a request may have, after it has been decoded. */
export function bodyLimitOf({ mayBeLarge, routeOptions }: FastifyRequest): number {
  if (!mayBeLarge) return Math.min(routeOptions.bodyLimit, anonymousLimit)
  return routeOptions.config.streamed === true ? Infinity : routeOptions.bodyLimit
}

/** PAYLOAD_TOO_LARGE, with what is allowed and what to do. */
export function tooLarge(request: FastifyRequest): DomainError {
  const limit = bodyLimitOf(request)
  const without = request.mayBeLarge ? '' : ' without an access token'
  return new DomainError('PAYLOAD_TOO_LARGE', {
    message: `The request body is too large: at most ${limit.toLocaleString('en')} bytes are taken${without}.`,
  })
}

/** Bytes that are put together without leaving room for more. */
const firstSize = 4_096

/**
 * Reads a body whole. However small the pieces are in which it arrives, it takes no more than twice its size.
 *
 * @throws PAYLOAD_TOO_LARGE, and what goes wrong with the stream
 */
export function readBody(request: FastifyRequest, payload: Readable): Promise<Buffer> {
  const limit = bodyLimitOf(request)
  const declared = Number(request.headers['content-length'])
  if (declared > limit) return Promise.reject(tooLarge(request))
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
        // Most bodies arrive in one piece.
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
