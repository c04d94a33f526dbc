import type { FastifyReply } from 'fastify'
import { DomainError, type Caller } from '@user-stats/core'
import type { Logger } from '../logger.ts'
import { rateLimitFields } from './fields.ts'
import { networkOf } from './network.ts'
import { createQuota, type Quota, type Usage } from './quota.ts'
import { connectSharedCounts } from './shared-counts.ts'

export interface RateLimitOptions {
  /** The service's name: each service counts its own requests. */
  readonly service: string
  /** Maximum requests of an authenticated caller per minute. */
  readonly caller: number
  /** Maximum anonymous requests from one address per minute. */
  readonly anonymous: number
  /** Maximum bad tokens, and maximum wrong API keys, from one address per minute. */
  readonly failures: number
  readonly redisUrl?: string | undefined
  readonly log: Logger
  readonly clock?: () => number
}

export type RateLimits = ReturnType<typeof createRateLimits>

type Reply = Partial<Pick<FastifyReply, 'header'>>

/** Maximum requests with a publishable key from one address per minute. */
const requestsOfWriters = 600

/** Milliseconds between two exchanges with the other replicas. */
const syncInterval = 500

/**
 * Limits the requests of each caller, and the failed sign-ins of each address. Counts are kept in memory, and
 * exchanged through Redis if configured.
 */
export function createRateLimits(options: RateLimitOptions) {
  const { service, redisUrl, log, clock = Date.now } = options
  const shared =
    redisUrl === undefined
      ? undefined
      : connectSharedCounts({ url: redisUrl, prefix: `rate:${service}`, log })
  const createCounter = (name: string, limit: number) => {
    const quota = createQuota({ policy: { name, limit, window: 60 }, clock, shared })
    return { quota, setHeaders: rateLimitFields(quota.policy) }
  }
  const callers = createCounter('caller', options.caller)
  const anonymous = createCounter('address', options.anonymous)
  const writers = createCounter('writer', requestsOfWriters)
  const badTokens = createCounter('bad-tokens', options.failures)
  const wrongKeys = createCounter('wrong-keys', options.failures)
  const timer = setInterval(() => {
    void callers.quota.sync()
    void anonymous.quota.sync()
    void writers.quota.sync()
  }, syncInterval).unref()
  if (shared === undefined) clearInterval(timer)

  const counterOf = ({ role }: Caller) =>
    role === 'ANONYMOUS' ? anonymous : role === 'WRITER' ? writers : callers

  async function countFailure({ quota }: typeof badTokens, address: string): Promise<Usage> {
    const key = networkOf(address)
    quota.consume(key)
    await quota.refresh(key)
    return quota.get(key)
  }

  return {
    /**
     * Counts a request and sets the headers with the caller's usage.
     *
     * @returns TOO_MANY_REQUESTS when the limit is exceeded
     */
    consume(caller: Caller, address: () => string, reply: Reply): DomainError | undefined {
      // Do not count requests between our services: the requests that caused them were counted.
      if (caller.role === 'SERVICE') return undefined
      const { quota, setHeaders } = counterOf(caller)
      const usage = quota.consume(keyOf(caller, address))
      setHeaders(reply, usage)
      return usage.allowed ? undefined : tooMany(quota, usage, 'requests')
    },

    /**
     * Counts an invalid token.
     *
     * @throws TOO_MANY_REQUESTS when the address exceeded its limit
     */
    async badToken(address: string, reply: Reply): Promise<void> {
      const usage = await countFailure(badTokens, address)
      badTokens.setHeaders(reply, usage)
      if (!usage.allowed) throw tooMany(badTokens.quota, usage, 'bad access tokens from this address')
    },

    /**
     * Authenticates with an API key, and counts wrong keys. The right key is never refused, however many
     * wrong ones its address sends: keys are 256 random bits, and many customers may share an address.
     *
     * @throws TOO_MANY_REQUESTS for a wrong key when the address exceeded its limit; otherwise what `attempt`
     *   throws
     */
    tryKey: async <T>(address: string, attempt: () => Promise<T>): Promise<T> => {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof DomainError) || error.code !== 'INVALID_API_KEY') throw error
        const usage = await countFailure(wrongKeys, address)
        throw usage.allowed ? error : tooMany(wrongKeys.quota, usage, 'wrong API keys from this address')
      }
    },

    close: (): void => {
      clearInterval(timer)
      shared?.close()
    },
  }
}

/** All visitors of a shop have the same publishable key: each address is counted by itself. */
function keyOf(caller: Exclude<Caller, { role: 'SERVICE' }>, address: () => string): string {
  switch (caller.role) {
    case 'ANONYMOUS':
      return networkOf(address())
    case 'WRITER':
      return `${caller.keyId} ${networkOf(address())}`
    default:
      return caller.keyId
  }
}

function tooMany({ policy }: Quota, { count, reset }: Usage, what: string): DomainError {
  return new DomainError('TOO_MANY_REQUESTS', {
    message: `Too many ${what}: ${String(policy.limit)} a minute are allowed. Try again in ${String(reset)} s.`,
    retryAfter: reset,
    limit: { name: policy.name, requested: count, maximum: policy.limit },
  })
}
