import { deadlineExceeded, effectiveTimeout, timeoutHeader } from '@user-stats/core'
import { clientAddress, type Connection, type Identify, type Logger, type Origin } from '@user-stats/http'
import type { RequestContext } from './request.ts'

export type MakeContext<Context extends RequestContext = RequestContext> = (
  origin: Origin,
  connection: Connection,
) => Promise<Context>

export interface RequestContextOptions {
  readonly identify: Identify
  /** Maximum milliseconds of a request. */
  readonly timeout: number
  /** The secret with which the gateway signs client addresses. */
  readonly gatewaySecret?: string | undefined
  /** Whether to honour the caller's `x-timeout-ms`: only in services that our own services call. */
  readonly honorsTimeoutHeader?: boolean
}

/**
 * Creates the context of a request: its caller, its deadline, and a signal that aborts with it.
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
      // Most operations never read it.
      get signal() {
        return (signal ??= createSignal(reply, deadline - performance.now()))
      },
      log: request.log as Logger,
    }
  }
}

/** Aborts when the client disconnects, or after a timeout. Uses one timer: composed signals cost far more. */
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

/** Adds a service's members to a request's context; the signal is still created lazily. */
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
