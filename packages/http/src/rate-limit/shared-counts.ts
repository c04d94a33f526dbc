import { withDeadline } from '@user-stats/core'
import { createHash } from 'node:crypto'
import { createClient } from '@redis/client'
import type { Logger } from '../logger.ts'

/** Counters shared by several replicas. */
export interface SharedCounts {
  /**
   * Adds to counters, which expire some seconds after their first use.
   *
   * @returns the totals in the same order, or undefined while they are unavailable
   */
  readonly add: (
    counts: readonly (readonly [key: string, delta: number])[],
    seconds: number,
  ) => Promise<readonly number[] | undefined>
  readonly close: () => void
}

export interface RedisOptions {
  readonly url: string
  /** Separates services that share one Redis. */
  readonly prefix: string
  readonly log: Pick<Logger, 'info' | 'warn'>
  /** Maximum milliseconds of an exchange. */
  readonly deadline?: number
}

/** Addresses are personal data: Redis only stores hashes. */
const hashOf = (key: string): string => createHash('sha256').update(key).digest('base64url').slice(0, 22)

/** Counters in Redis. While Redis is unreachable nothing waits for it; it reconnects in the background. */
export function connectSharedCounts({ url, prefix, log, deadline = 250 }: RedisOptions): SharedCounts {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: 20_000,
    socket: { connectTimeout: 2_000, reconnectStrategy: (retries) => Math.min(100 * 2 ** retries, 2_000) },
  })
  let away = false
  client.on('error', (error: unknown) => {
    if (!away) log.warn({ err: error }, 'Redis is unreachable; this replica counts requests alone')
    away = true
  })
  client.on('ready', () => {
    if (away) log.info('Redis is back')
    away = false
  })
  // Failures are logged by the event above, and retried.
  client.connect().catch(() => undefined)

  return {
    async add(counts, seconds) {
      if (!client.isReady) return undefined
      try {
        // Commands of one tick are pipelined.
        const totals = Promise.all(
          counts.map(async ([key, delta]) => {
            const name = `${prefix}:${hashOf(key)}`
            const [total] = await Promise.all([client.incrBy(name, delta), client.expire(name, seconds)])
            return total
          }),
        )
        return await withDeadline(totals, deadline, () => new Error('Redis took too long'))
      } catch {
        return undefined
      }
    },
    close: () => {
      client.destroy()
    },
  }
}
