import { deadlineExceeded, effectiveTimeout, timeoutHeader } from '@user-stats/core'
import { clientAddress, type Connection, type Identify, type Logger, type Origin } from '@user-stats/http'
import type { RequestContext } from './request.ts'

export type MakeContext<Context extends RequestContext = RequestContext> = (
  origin: Origin,
  connection: Connection,
) => Promise<Context>

export interface RequestContextOptions {
  readonly identify: Identify
  /** Milliseconds at most. */
  readonly timeout: number
  /** With which the gateway vouches for addresses. */
  readonly gatewaySecret?: string | undefined
  /** Whether `x-timeout-ms` of the caller is honoured: for services that our own services call. */
  readonly honorsTimeoutHeader?: boolean
}

/**
 * Makes the context of a request: who sent it, until when it may take, and a signal that ends with it.
 *
 * @throws what `identify` throws
 */
export function createRequestContext({
  identify,
  timeout,
  gatewaySecret,
  honorsTimeoutHeader = false,
}: RequestContextOptions): MakeContext {
  const addressOf = clientAddress(gatewaySecret)

  return async (request, reply) => {
    const { authorization } = request.headers
    const { caller, overLimit } = await identify(request, reply)
    const deadline =
      performance.now() +
      (honorsTimeoutHeader ? effectiveTimeout(timeout, request.headers[timeoutHeader]) : timeout)
    let signal: AbortSignal | undefined
    return {
      caller,
      overLimit,
      authorization,
      requestId: request.id,
      get address() {
        return addressOf(request)
      },
      deadline,
      // Most operations never look at it.
      get signal() {
        return (signal ??= createSignal(reply, deadline - performance.now()))
      },
      log: request.log as Logger,
    }
  }
}

/** Aborted when the client has gone, or after so many milliseconds. One timer: composed signals cost far more. */
function createSignal({ raw }: Connection, timeout: number): AbortSignal {
  const controller = new AbortController()
  if (raw.destroyed) {
    if (!raw.writableFinished) controller.abort()
    return controller.signal
  }
  const timer = setTimeout(() => {
    controller.abort(deadlineExceeded)
  }, timeout)
  raw.once('close', () => {
    clearTimeout(timer)
    if (!raw.writableFinished) controller.abort()
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
      overLimit: request.overLimit,
      authorization: request.authorization,
      requestId: request.requestId,
      get address() {
        return request.address
      },
      deadline: request.deadline,
      get signal() {
        return request.signal
      },
      log: request.log,
    },
    extension,
  )
