import { dayMs, hourMs } from '@user-stats/core'
import type { EventsDb } from '@user-stats/prisma-events'
import type { Logger } from '@user-stats/http'
import type { Retention } from '../modules/retention/data-retention.ts'
import { countQuarters } from '../modules/rollup/quarters.ts'
import type { Partitions } from '../modules/event/partitions.ts'

export interface MaintenanceOptions {
  readonly db: EventsDb
  readonly partitions: Partitions
  readonly retention: Retention
  readonly clock: () => Date
  readonly log: Logger
  /** Milliseconds between two runs. */
  readonly interval?: number
}

const chunk = 10_000
/** For how long an idempotency key is remembered. */
const idempotencyDays = 7

/**
 * Scheduled maintenance: creates partitions ahead of time, deletes expired idempotency keys and raw events
 * after their retention time, and counts days by quarters of an hour that an older version wrote.
 */
export function createMaintenance({
  db,
  partitions,
  retention,
  clock,
  log,
  interval = hourMs,
}: MaintenanceOptions) {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  let stopped = false

  async function forgetKeys(): Promise<void> {
    const before = new Date(clock().getTime() - idempotencyDays * dayMs)
    // In chunks, so that no transaction grows with the backlog.
    for (let deleted = chunk; deleted === chunk && !stopped;) {
      const { rowCount } = await db.pool.query(
        `DELETE FROM idempotency_keys WHERE (store_id, key) IN (
           SELECT store_id, key FROM idempotency_keys WHERE created_at < $1 ORDER BY created_at LIMIT ${String(chunk)}
         )`,
        [before],
      )
      deleted = rowCount ?? 0
    }
  }

  const tasks: readonly (() => Promise<unknown>)[] = [
    () => partitions.ensureAhead(clock()),
    forgetKeys,
    () => retention.run(() => stopped),
    () => countQuarters(db, () => stopped),
  ]

  async function run(): Promise<void> {
    for (const task of tasks)
      try {
        if (!stopped) await task()
      } catch (error) {
        // The next run retries; ingest creates missing partitions itself.
        log.warn({ err: error }, 'maintenance did not finish')
      }
  }

  return {
    run,
    start(): void {
      running = run()
      timer = setInterval(() => {
        running = running.then(run)
      }, interval)
      timer.unref()
    },
    /** Resolves when the current run has ended. */
    async stop(): Promise<void> {
      stopped = true
      clearInterval(timer)
      await running
    },
  }
}
