import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TokenVerifier } from '../identity/tokens.ts'
import type { Logger } from '../http/logging.ts'
import type { RequestContext } from './request.ts'

/** What of a request counts for its operation. One of a batch has headers and an id of its own. */
export type Origin = Pick<FastifyRequest, 'headers' | 'id' | 'log'>
/** How a request's answer goes: the connection that ends it. */
export type Connection = Pick<FastifyReply, 'raw'>

export type MakeContext<Context extends RequestContext = RequestContext> = (
  origin: Origin,
  connection: Connection,
) => Promise<Context>

/**
 * Makes the context of a request: who sent it, and a signal that ends with it.
 *
 * @throws TOKEN_INVALID, TOKEN_EXPIRED, SERVICE_UNAVAILABLE
 */
export const createRequestContext =
  (tokens: TokenVerifier, timeout: number): MakeContext =>
  async (request, reply) => {
    const { authorization } = request.headers
    const caller = await tokens.identify(authorization)
    const began = performance.now()
    let signal: AbortSignal | undefined
    return {
      caller,
      authorization,
      requestId: request.id,
      // Most operations never look at it.
      get signal() {
        return (signal ??= createSignal(reply, timeout - (performance.now() - began)))
      },
      log: request.log as Logger,
    }
  }

/** Aborted when the client has gone, or after so many milliseconds. One timer: composed signals cost far more. */
function createSignal({ raw }: Connection, timeout: number): AbortSignal {
  const controller = new AbortController()
  const abort = (): void => {
    controller.abort()
  }
  if (raw.destroyed) {
    if (!raw.writableFinished) abort()
    return controller.signal
  }
  const timer = setTimeout(abort, timeout)
  raw.once('close', () => {
    clearTimeout(timer)
    if (!raw.writableFinished) abort()
  })
  return controller.signal
}

/** A request's context with what a service adds to it; its signal is still made only when asked for. */
export const extendContext = <Extension extends object>(
  request: RequestContext,
  extension: Extension,
): RequestContext & Extension =>
  Object.assign(
    {
      caller: request.caller,
      authorization: request.authorization,
      requestId: request.requestId,
      get signal() {
        return request.signal
      },
      log: request.log,
    },
    extension,
  )
