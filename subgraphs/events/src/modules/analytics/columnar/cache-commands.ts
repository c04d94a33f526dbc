import { readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { openEventsDatabase } from '@user-stats/prisma-events'
import { createLogger } from '@user-stats/http'
import { openColumnarStore } from './columnar-store.ts'

export interface BuildOptions {
  readonly url: string
  readonly dir: string
  readonly maxBytes: number
  readonly clock: () => Date
  readonly signal?: AbortSignal | undefined
  /** Called before each store. */
  readonly onStore: (storeId: number) => void
}

/** Reads the closed days of all stores into segments. @returns the bytes of all segments */
export async function buildSegments({ url, signal, onStore, ...options }: BuildOptions): Promise<number> {
  const db = openEventsDatabase({ url, maxConnections: 4 })
  try {
    const log = createLogger({ name: 'analytics-cache', level: 'warn' })
    const columnar = await openColumnarStore({ ...options, pool: db.pool, log, databaseUrl: url })
    try {
      const { rows } = await db.pool.query<{ id: number }>(
        'SELECT DISTINCT store_id AS id FROM day_totals ORDER BY store_id',
      )
      for (const { id } of rows) {
        signal?.throwIfAborted()
        onStore(id)
        await columnar.buildClosedDays(id)
      }
      return columnar.bytes()
    } finally {
      await columnar.close()
    }
  } finally {
    await db.close()
  }
}

/**
 * Deletes all segments; running services continue without them. @returns the number of stores that had some
 */
export async function dropSegments(dir: string): Promise<number> {
  const stores = (await readdir(dir).catch(() => [])).filter((name) => /^\d+$/.test(name))
  for (const name of stores) await rm(path.join(dir, name), { recursive: true, force: true })
  return stores.length
}
