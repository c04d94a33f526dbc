import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DomainError, workloadOf, type Caller, type TokenVerifier, type Workload } from '@user-stats/core'
import { logIdsOf } from './log-ids.ts'
import { createLazyChild, type Logger } from './logger.ts'
import { clientAddress } from './rate-limit/client-address.ts'
import { networkOf } from './rate-limit/network.ts'
import type { RateLimits } from './rate-limit/rate-limits.ts'

/**
 * What a route wants to know of its caller before it reads the body: that somebody is signed in, who it is if anybody, or
 * that it is nobody in particular, whatever token is sent.
 */
type Access = 'token' | 'anybody' | 'anonymous'

declare module 'fastify' {
  interface FastifyRequest {
    /** On whose behalf its body is read, once that is known. */
    workload: Workload | undefined
  }
  interface FastifyContextConfig {
    /** Without it nobody is asked who they are. */
    readonly access?: Access
  }
}

/** What of a request counts for its operation. One of a batch has headers and an id of its own. */
export type Origin = Pick<FastifyRequest, 'headers' | 'id' | 'log' | 'ip' | 'caller'>
/** How a request's answer goes: the connection that ends it, and headers, if it has any of its own. */
export type Connection = Pick<FastifyReply, 'raw'> & Partial<Pick<FastifyReply, 'header'>>

/** Who sent a request. */
export interface Identity {
  readonly caller: Caller
  /** TOO_MANY_REQUESTS when the caller is anonymous and its address has exceeded its limit: it may only sign in. */
  readonly overLimit: DomainError | undefined
}

/** Finds out who sends a request, from its headers, and counts it. */
export type Identify = (origin: Origin, connection: Connection) => Promise<Identity>

export interface IdentifyOptions {
  readonly tokens: TokenVerifier
  readonly rates: RateLimits
  /** With which the gateway vouches for addresses. */
  readonly gatewaySecret?: string | undefined
}

/** @throws (the function) TOKEN_INVALID, TOKEN_EXPIRED, SERVICE_UNAVAILABLE, TOO_MANY_REQUESTS */
export function createIdentify({ tokens, rates, gatewaySecret }: IdentifyOptions): Identify {
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
    const overLimit = rates.consume(caller, () => addressOf(origin), connection)
    if (overLimit !== undefined && caller.role !== 'ANONYMOUS') throw overLimit
    return { caller, overLimit }
  }
}

/** From now on the log, and reports of errors, say who sent the request. */
function nameCaller(request: Origin, caller: Caller): void {
  request.caller = caller
  const ids = logIdsOf(caller)
  if (ids !== undefined) request.log = createLazyChild(request.log as Logger, ids)
}

/**
 * Judges the token of each request before anything of its body is read, by the `access` of its route.
 *
 * @returns a function that answers with what was found out, once, and finds it out again from then on: a token must
 *   still be good when a request has lasted for long
 */
export function registerAuthentication(app: FastifyInstance, identify: Identify): Identify {
  const known = new WeakMap<Origin, Identity>()
  app.decorateRequest('workload', undefined)

  app.addHook('onRequest', async (request, reply) => {
    const { access } = request.routeOptions.config
    if (access === undefined) return
    // An old token must not keep its holder from getting a new one.
    if (access === 'anonymous') delete request.headers.authorization
    const identity = await identify(request, reply)
    const anonymous = identity.caller.role === 'ANONYMOUS'
    if (anonymous && access === 'token') throw identity.overLimit ?? new DomainError('UNAUTHENTICATED')
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
