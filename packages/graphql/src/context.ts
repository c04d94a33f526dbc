import type { FastifyReply, FastifyRequest } from 'fastify'
import { DomainError } from '@user-stats/core'
import { createLazyChild, logIdsOf, type Logger } from '@user-stats/http'
import type { Caller, TokenVerifier } from '@user-stats/core'
import { deadlineExceeded, timeoutHeader, effectiveTimeout } from '@user-stats/core'
import { clientAddress } from '@user-stats/http'
import type { RateLimits } from '@user-stats/http'
import type { RequestContext } from './request.ts'

/** What of a request counts for its operation. One of a batch has headers and an id of its own. */
export type Origin = Pick<FastifyRequest, 'headers' | 'id' | 'log' | 'ip' | 'caller'>
/** How a request's answer goes: the connection that ends it, and headers, if it has any of its own. */
export type Connection = Pick<FastifyReply, 'raw'> & Partial<Pick<FastifyReply, 'header'>>

export type MakeContext<Context extends RequestContext = RequestContext> = (
  origin: Origin,
  connection: Connection,
) => Promise<Context>

export interface RequestContextOptions {
  readonly tokens: TokenVerifier
  /** Milliseconds at most. */
  readonly timeout: number
  readonly rates: RateLimits
  /** With which the gateway vouches for addresses. */
  readonly gatewaySecret?: string | undefined
  /** Whether `x-timeout-ms` of the caller is honoured: for services that our own services call. */
  readonly honorsTimeoutHeader?: boolean
}

/**
 * Makes the context of a request: who sent it, until when it may take, and a signal that ends with it. Counts the
 * request.
 *
 * @throws TOKEN_INVALID, TOKEN_EXPIRED, SERVICE_UNAVAILABLE, TOO_MANY_REQUESTS
 */
export function createRequestContext({
  tokens,
  timeout,
  rates,
  gatewaySecret,
  honorsTimeoutHeader = false,
}: RequestContextOptions): MakeContext {
  const addressOf = clientAddress(gatewaySecret)

  async function identify(request: Origin, reply: Connection): Promise<Caller> {
    try {
      return await tokens.identify(request.headers.authorization)
    } catch (error) {
      if (error instanceof DomainError && error.code === 'TOKEN_INVALID')
        await rates.badToken(addressOf(request), reply)
      throw error
    }
  }

  return async (request, reply) => {
    const { authorization } = request.headers
    const caller = await identify(request, reply)
    if (request.caller === undefined) nameCaller(request, caller)
    const overLimit = rates.consume(caller, () => addressOf(request), reply)
    if (overLimit !== undefined && caller.role !== 'NOBODY') throw overLimit
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

/** From now on the log, and reports of errors, say who sent the request. */
function nameCaller(request: Origin, caller: Caller): void {
  request.caller = caller
  const ids = logIdsOf(caller)
  if (ids !== undefined) request.log = createLazyChild(request.log as Logger, ids)
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
