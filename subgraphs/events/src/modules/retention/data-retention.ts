import { dayMs } from '@user-stats/core'
import { setTimeout as pause } from 'node:timers/promises'
import type { PoolClient } from 'pg'
import { isConflict, isLockTimeout, type EventsDb } from '@user-stats/prisma-events'
import type { Logger } from '@user-stats/http'
import { sweepStores } from './sweep.ts'

export interface RetentionOptions {
  readonly db: EventsDb
  readonly clock: () => Date
  readonly log: Logger
  /** The general retention time of raw events in days; 0: forever. */
  readonly days: number
  /** Maximum attempts to drop a month in one run, and milliseconds between two attempts. */
  readonly dropAttempts?: number
  readonly dropPause?: number
}

const taskLock = '7303, 1'

export type Retention = ReturnType<typeof createRetention>

/**
 * Deletes raw events after their retention time, together with the user rows counted from them. Daily totals
 * stay. One replica at a time does it.
 */
export function createRetention({
  db,
  clock,
  log,
  days,
  dropAttempts = 60,
  dropPause = 1_000,
}: RetentionOptions) {
  const daysAgo = (count: number): string =>
    new Date(clock().getTime() - count * dayMs).toISOString().slice(0, 10)

  /** A clock that runs ahead must not delete data. */
  async function clockIsTrusted(client: PoolClient): Promise<boolean> {
    const { rows } = await client.query<{ now: Date }>('SELECT now() AS now')
    const ahead = clock().getTime() - (rows[0]?.now.getTime() ?? 0)
    if (ahead <= dayMs) return true
    log.error({ ahead }, 'the clock is more than a day ahead of the database: nothing is deleted')
    return false
  }

  /** Drops month by month; readers and writers go first, and it retries in between. */
  async function dropMonths(client: PoolClient, stopped: () => boolean): Promise<void> {
    if (days === 0) return
    let months = 0
    for (let failures = 0; failures < dropAttempts && !stopped();)
      try {
        const { rows } = await client.query<{ dropped: number }>('SELECT drop_months($1::date) AS dropped', [
          daysAgo(days),
        ])
        if (rows[0]?.dropped !== 1) break
        months += 1
      } catch (error) {
        if (!isLockTimeout(error) && !isConflict(error)) throw error
        failures += 1
        if (failures === dropAttempts) log.info('months are dropped in the next run: there are readers')
        else await pause(dropPause)
      }
    if (months > 0) log.info({ months }, 'months of raw events are dropped')
  }

  return {
    /**
     * @param stopped checked between bounded steps
     * @returns false when another replica is running it
     */
    async run(stopped: () => boolean): Promise<boolean> {
      const client = await db.pool.connect()
      let broken = true
      try {
        const { rows } = await client.query<{ mine: boolean }>(
          `SELECT pg_try_advisory_lock(${taskLock}) AS mine`,
        )
        const mine = rows[0]?.mine === true
        if (mine) {
          if (await clockIsTrusted(client)) {
            await dropMonths(client, stopped)
            await sweepStores({ db, daysAgo, stopped })
          }
          await client.query(`SELECT pg_advisory_unlock(${taskLock})`)
        }
        broken = false
        return mine
      } finally {
        // A connection that is closed holds no lock.
        client.release(broken)
      }
    },
  }
}
