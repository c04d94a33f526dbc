import type { Pool } from 'pg'
import { dayMs } from '@user-stats/core'
import type { Logger } from '@user-stats/http'
import { dayOf } from '../query/rollups.ts'
import { readWithin, type Snapshot } from '../query/snapshot.ts'
import { DeclinedError } from './declined.ts'

export interface BackgroundBuildOptions {
  readonly pool: Pool
  readonly log: Logger
  readonly clock: () => Date
  /** Reads some of the missing days of a store. @returns how many remain */
  readonly build: (
    storeId: number,
    to: string,
    paths: readonly string[],
    open: OpenSnapshot,
  ) => Promise<number>
}

export type OpenSnapshot = <T>(work: (snapshot: Snapshot) => Promise<T>, signal: AbortSignal) => Promise<T>

/** Milliseconds of one step. */
const stepTimeout = 120_000
/** Milliseconds after which a complete store is checked again. */
const completeFor = 600_000

/** Reads the closed days of queried stores, store by store, the latest days first. */
export function createBackgroundBuild({ pool, log, clock, build }: BackgroundBuildOptions) {
  const queue = new Map<number, Set<string>>()
  const complete = new Map<number, { readonly at: number; readonly paths: ReadonlySet<string> }>()
  let running: Promise<void> | undefined
  let daysLeft = 0
  let stopped = false

  async function buildStore(storeId: number, paths: ReadonlySet<string>): Promise<void> {
    const yesterday = dayOf(clock().getTime() - dayMs)
    const open: OpenSnapshot = (work, signal) => readWithin(pool, stepTimeout, work, signal)
    for (;;) {
      if (stopped) return
      const before = daysLeft
      daysLeft = await build(storeId, yesterday, [...paths], open)
      if (daysLeft === 0) break
      // A day that cannot be stored would be read again and again.
      if (daysLeft === before) return
    }
    complete.set(storeId, { at: clock().getTime(), paths })
  }

  async function run(): Promise<void> {
    for (const [storeId, paths] of queue) {
      queue.delete(storeId)
      try {
        await buildStore(storeId, paths)
      } catch (error) {
        if (!(error instanceof DeclinedError))
          log.warn(
            { err: error, storeId },
            'segments of a store were not built; they are when it is asked about again',
          )
      }
      daysLeft = 0
    }
  }

  return {
    /** Days that the current store still lacks. */
    daysLeft: (): number => daysLeft,
    enqueue(storeId: number, paths: readonly string[]): void {
      const known = complete.get(storeId)
      const isKnown = known !== undefined && clock().getTime() - known.at < completeFor
      if (stopped || (isKnown && paths.every((path) => known.paths.has(path)))) return
      queue.set(storeId, new Set([...(queue.get(storeId) ?? []), ...(known?.paths ?? []), ...paths]))
      running ??= run().finally(() => {
        running = undefined
      })
    },
    /** Resolves when the queue is empty. */
    idle: async (): Promise<void> => await running,
    async stop(): Promise<void> {
      stopped = true
      queue.clear()
      await running
    },
  }
}
