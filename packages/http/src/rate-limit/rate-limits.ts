import type { FastifyReply } from 'fastify'
import { createFairSemaphore, DomainError, PermitDeniedError, type Caller } from '@user-stats/core'
import type { Logger } from '../logger.ts'
import { rateLimitFields } from './fields.ts'
import { networkOf } from './network.ts'
import { createQuota, type Policy, type Quota, type Standing } from './quota.ts'
import { connectSharedCounts } from './shared-counts.ts'

export interface RateLimitOptions {
  /** The service that counts: each counts what it is asked. */
  readonly service: string
  /** Requests of one signed-in caller a minute. */
  readonly caller: number
  /** Requests of strangers from one address a minute. */
  readonly stranger: number
  /** Bad tokens, and wrong API keys, from one address a minute; wrong keys that begin alike. */
  readonly failures: number
  readonly redisUrl?: string | undefined
  readonly log: Logger
  readonly clock?: () => number
}

export type RateLimits = ReturnType<typeof createRateLimits>

/** From where somebody asks, and until when. */
interface Asker {
  readonly address: string
  readonly signal: AbortSignal
}

/** Milliseconds between two exchanges of what replicas have counted. */
const syncInterval = 500
/** Enough of a key to tell who it may be of, as it is kept with the key. */
const prefixLength = 11

const minute = (name: string, limit: number): Policy => ({ name, limit, window: 60 })

/** Who may ask how often. Counts are kept in memory, and exchanged through Redis where there is one. */
export function createRateLimits(options: RateLimitOptions) {
  const { service, redisUrl, log, clock = Date.now } = options
  const shared =
    redisUrl === undefined
      ? undefined
      : connectSharedCounts({ url: redisUrl, prefix: `rate:${service}`, log })
  const quota = (name: string, limit: number): Quota =>
    createQuota({ policy: minute(name, limit), clock, shared })
  const callers = quota('caller', options.caller)
  const strangers = quota('address', options.stranger)
  const badTokens = quota('bad-tokens', options.failures)
  const wrongKeys = quota('wrong-keys', options.failures)
  const wrongPrefixes = quota('wrong-prefix', options.failures)
  const attempts = createFairSemaphore({
    permits: Infinity,
    // No more at once than may still be wrong; with none left each attempt is refused by itself.
    maxPerTenant: (network) => wrongKeys.look(network).remaining || Infinity,
    maxQueuePerTenant: 5_000,
  })
  const tell = {
    caller: rateLimitFields(callers.policy),
    stranger: rateLimitFields(strangers.policy),
    badTokens: rateLimitFields(badTokens.policy),
  }
  const timer = setInterval(() => {
    void callers.sync()
    void strangers.sync()
  }, syncInterval).unref()
  if (shared === undefined) clearInterval(timer)

  return {
    /**
     * Counts a request and tells the client how it stands.
     *
     * @throws TOO_MANY_REQUESTS
     */
    admit(caller: Caller, address: () => string, reply: Partial<Pick<FastifyReply, 'header'>>): void {
      // What services tell each other follows from what they were asked.
      if (caller.role === 'SERVICE') return
      const stranger = caller.role === 'NOBODY'
      const counted = stranger ? strangers : callers
      const standing = counted.take(stranger ? networkOf(address()) : caller.keyId)
      tell[stranger ? 'stranger' : 'caller'](reply, standing)
      if (!standing.allowed) throw tooMany(counted, standing, 'requests')
    },

    /**
     * Counts a token that was not valid.
     *
     * @throws TOO_MANY_REQUESTS when there were too many from that address
     */
    async badToken(address: string, reply: Partial<Pick<FastifyReply, 'header'>>): Promise<void> {
      const key = networkOf(address)
      badTokens.take(key)
      await badTokens.refresh(key)
      const standing = badTokens.look(key)
      tell.badTokens(reply, standing)
      if (!standing.allowed) throw tooMany(badTokens, standing, 'bad access tokens from this address')
    },

    /**
     * Tries an API key. Addresses that sent too many wrong ones are refused before theirs is looked at, and no more
     * are looked at at once than may still be wrong. Wrong keys that begin alike are counted too, whoever sends them;
     * a right one is not held up by those who guess at it.
     *
     * @throws TOO_MANY_REQUESTS, and what trying throws
     */
    tryKey: async <T>(asker: Asker, apiKey: string, attempt: () => Promise<T>): Promise<T> => {
      const key = networkOf(asker.address)
      await wrongKeys.refresh(key)
      const tried = async (): Promise<T> => {
        const before = wrongKeys.look(key)
        if (before.remaining === 0) throw tooMany(wrongKeys, before, 'wrong API keys from this address')
        try {
          return await attempt()
        } catch (error) {
          if (!(error instanceof DomainError) || error.code !== 'INVALID_API_KEY') throw error
          const prefix = apiKey.slice(0, prefixLength)
          wrongKeys.take(key)
          wrongPrefixes.take(prefix)
          await Promise.all([wrongKeys.refresh(key), wrongPrefixes.refresh(prefix)])
          const standing = wrongPrefixes.look(prefix)
          if (!standing.allowed)
            throw tooMany(wrongPrefixes, standing, 'wrong API keys that begin like this one')
          throw error
        }
      }
      using _permit = await attempts.acquire({ tenant: key, signal: asker.signal }).catch(toRefusal)
      return await tried()
    },

    close: (): void => {
      clearInterval(timer)
      shared?.close()
    },
  }
}

function toRefusal(error: unknown): never {
  if (error instanceof PermitDeniedError && error.reason === 'QUEUE_FULL')
    throw new DomainError('TOO_MANY_REQUESTS', {
      message: 'Too many API keys from this address are waiting to be checked. Try again soon.',
      retryAfter: 1,
    })
  throw new DomainError('SERVICE_UNAVAILABLE', { cause: error })
}

function tooMany({ policy }: Quota, { count, reset }: Standing, what: string): DomainError {
  return new DomainError('TOO_MANY_REQUESTS', {
    message: `Too many ${what}: ${String(policy.limit)} a minute are allowed. Try again in ${String(reset)} s.`,
    retryAfter: reset,
    limit: { name: policy.name, requested: count, maximum: policy.limit },
  })
}
