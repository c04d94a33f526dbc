import { setTimeout as pause } from 'node:timers/promises'
import type { Pool } from 'pg'
import { findLockedStores } from '../../database/store-lock.ts'

export interface LockedStoresOptions {
  readonly pool: Pool
  /** Called after each check whether locks are free. */
  readonly onLooked: () => void
  /** Whether any events still wait for a lock. */
  readonly isAwaited: () => boolean
}

/** Milliseconds between two checks. */
const lookPause = 25

/** Stores with an exclusive lock: their events are not sent to the database meanwhile. */
export function createLockedStores({ pool, onLooked, isAwaited }: LockedStoresOptions) {
  const locked = new Set<number>()
  let watching = false

  // An unavailable database is detected by the next write.
  const find = (stores: readonly number[]): Promise<number[]> =>
    findLockedStores(pool, stores).catch(() => [])

  async function watch(): Promise<void> {
    if (watching) return
    watching = true
    while (locked.size > 0 && isAwaited()) {
      await pause(lookPause)
      const before = [...locked]
      const still = new Set(await find(before))
      for (const storeId of before) if (!still.has(storeId)) locked.delete(storeId)
      onLooked()
    }
    locked.clear()
    watching = false
  }

  return {
    /** Whether a store's events have to wait. Store 0 stands for all. */
    has: (storeId: number): boolean => locked.has(storeId) || locked.has(0),
    /** Checks which of some stores are locked, and watches those. */
    async look(stores: readonly number[]): Promise<void> {
      for (const storeId of await find([0, ...stores])) locked.add(storeId)
      void watch()
    },
  }
}
