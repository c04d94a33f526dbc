import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TokenVerifier } from '../identity/tokens.ts'
import type { Logger } from '../http/logging.ts'
import type { RequestContext } from './server.ts'

/**
 * Makes the context of a request: who sent it, and a signal that ends with it.
 *
 * @throws TOKEN_INVALID, TOKEN_EXPIRED, SERVICE_UNAVAILABLE
 */
export const createRequestContext =
  (tokens: TokenVerifier, timeout: number) =>
  async (request: FastifyRequest, reply: FastifyReply): Promise<RequestContext> => {
    const { authorization } = request.headers
    const gone = new AbortController()
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) gone.abort()
    })
    return {
      caller: await tokens.identify(authorization),
      authorization,
      requestId: request.id,
      signal: AbortSignal.any([gone.signal, AbortSignal.timeout(timeout)]),
      log: request.log as Logger,
    }
  }
