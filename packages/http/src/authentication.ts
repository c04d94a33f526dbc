import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DomainError, workloadOf, type Caller, type TokenVerifier, type Workload } from '@user-stats/core'
import { logIdsOf } from './log-ids.ts'
import { createLazyChild, type Logger } from './logger.ts'
import { clientAddress } from './rate-limit/client-address.ts'
import { networkOf } from './rate-limit/network.ts'
import { allowOrigin, refusePublishable } from './publishable-key.ts'
import type { RateLimits } from './rate-limit/rate-limits.ts'

/**
 * What a route requires of its caller before its body is read: a valid token, a valid token if one is sent,
 * or nothing (a token is ignored).
 */
type Access = 'token' | 'optional' | 'anonymous'

declare module 'fastify' {
  interface FastifyRequest {
    /** The tenant for which the body is parsed, once the caller is identified. */
    workload: Workload | undefined
  }
  interface FastifyContextConfig {
    /** Without it, the route does not identify its callers. */
    readonly access?: Access
    /** Whether publishable keys may use the route. */
    readonly publishable?: boolean
  }
}

/**
 * The parts of a request that its operation needs. An operation of a batch has headers and an id of its own.
 */
export type Origin = Pick<FastifyRequest, 'headers' | 'id' | 'log' | 'ip' | 'caller'>
/** The connection of a response, and its headers, unless it is one of a batch. */
export type Connection = Pick<FastifyReply, 'raw'> & Partial<Pick<FastifyReply, 'header'>>

/** The identity of a request's caller. */
export interface Identity {
  readonly caller: Caller
  /** TOO_MANY_REQUESTS when an anonymous caller's address exceeded its limit: it may only sign in. */
  readonly overLimit: DomainError | undefined
}

/** Identifies the caller of a request by its headers, and counts the request. */
export type Identify = (origin: Origin, connection: Connection) => Promise<Identity>

export interface IdentifyOptions {
  readonly tokens: TokenVerifier
  readonly rates: RateLimits
  /** The secret with which the gateway signs client addresses. */
  readonly gatewaySecret?: string | undefined
  /** Whether requests come from pages: those with a publishable key must be of its origins. */
  readonly checkOrigin?: boolean
}

/** @throws (the function) TOKEN_INVALID, TOKEN_EXPIRED, SERVICE_UNAVAILABLE, TOO_MANY_REQUESTS */
export function createIdentify({
  tokens,
  rates,
  gatewaySecret,
  checkOrigin = false,
}: IdentifyOptions): Identify {
  const addressOf = clientAddress(gatewaySecret)

  async function verify(origin: Origin, connection: Connection): Promise<Caller> {
    try {
      return await tokens.identify(origin.headers.authorization)
    } catch (error) {
      if (error instanceof DomainError && error.code === 'TOKEN_INVALID')
        await rates.badToken(addressOf(origin), connection)
      throw error
    }
  }

  return async (origin, connection) => {
    const caller = await verify(origin, connection)
    if (origin.caller === undefined) nameCaller(origin, caller)
    if (checkOrigin) allowOrigin(caller, origin, connection)
    const overLimit = rates.consume(caller, () => addressOf(origin), connection)
    if (overLimit !== undefined && caller.role !== 'ANONYMOUS') throw overLimit
    return { caller, overLimit }
  }
}

/** Adds the caller to the request's log and error reports. */
function nameCaller(request: Origin, caller: Caller): void {
  request.caller = caller
  const ids = logIdsOf(caller)
  if (ids !== undefined) request.log = createLazyChild(request.log as Logger, ids)
}

/**
 * Verifies the token of each request before its body is read, as the route's `access` requires.
 *
 * @returns a function that returns that identity on its first call, and verifies again on later ones: a token
 *   must still be valid in a long request
 */
export function registerAuthentication(app: FastifyInstance, identify: Identify): Identify {
  const known = new WeakMap<Origin, Identity>()
  app.decorateRequest('workload', undefined)

  app.addHook('onRequest', async (request, reply) => {
    const { access, publishable = false } = request.routeOptions.config
    if (access === undefined) return
    // An expired token must not prevent its holder from requesting a new one.
    if (access === 'anonymous') delete request.headers.authorization
    const identity = await identify(request, reply)
    const anonymous = identity.caller.role === 'ANONYMOUS'
    if (anonymous && access === 'token') throw identity.overLimit ?? new DomainError('UNAUTHENTICATED')
    if (identity.caller.role === 'WRITER' && !publishable) throw refusePublishable()
    request.mayBeLarge = !anonymous
    request.workload = workloadOf(identity.caller, () => networkOf(request.ip))
    known.set(request, identity)
  })

  return async (origin, connection) => {
    const identity = known.get(origin)
    known.delete(origin)
    return identity ?? (await identify(origin, connection))
  }
}
