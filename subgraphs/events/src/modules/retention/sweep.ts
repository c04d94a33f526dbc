import type { Pool } from 'pg'
import { deleteChunk } from '../../database/delete-chunk.ts'
import { withExclusiveStoreLock, withSharedStoreLock } from '../../database/store-lock.ts'
import { dayRows } from '../rollup/delete-day.ts'

export interface SweepOptions {
  readonly pool: Pool
  /** The UTC day so many days before today. */
  readonly daysAgo: (count: number) => string
  readonly stopped: () => boolean
}

/** Rows of one transaction. */
const chunk = 10_000

/**
 * Deletes what stores want to be kept for a shorter time than others. First it is recorded, alone with the store,
 * from which day on raw events are kept: from then on nothing is added to days before and nobody counts from them.
 * Then they go, in chunks, beside the store's writers. A run that breaks off leaves the rest to the next.
 */
export async function sweepStores({ pool, daysAgo, stopped }: SweepOptions): Promise<void> {
  const { rows } = await pool.query<{
    store_id: number
    retention_days: number | null
    raw_from: string | null
  }>(
    `SELECT s.store_id, s.retention_days, r.raw_from::text
     FROM store_settings s LEFT JOIN retention r ON r.store_id = s.store_id
     WHERE s.retention_days IS NOT NULL OR r.raw_from IS NOT NULL ORDER BY s.store_id`,
  )
  for (const { store_id: storeId, retention_days: days, raw_from: rawFrom } of rows) {
    if (stopped()) return
    const limit = days === null ? null : daysAgo(days)
    if (limit !== null && (rawFrom ?? '') < limit) await recordRawFrom(pool, storeId, limit)
    // Days that are gone do not come back when a store is to be kept longer.
    const from = (rawFrom ?? '') < (limit ?? '') ? limit : rawFrom
    if (from !== null) await sweepStore(pool, storeId, from, stopped)
  }
}

const recordRawFrom = (pool: Pool, storeId: number, day: string): Promise<unknown> =>
  withExclusiveStoreLock(pool, storeId, (client) =>
    client.query(
      `INSERT INTO retention AS r (store_id, raw_from) VALUES ($1, $2)
       ON CONFLICT (store_id) DO UPDATE SET raw_from = EXCLUDED.raw_from WHERE r.raw_from < EXCLUDED.raw_from`,
      [storeId, day],
    ),
  )

async function sweepStore(
  pool: Pool,
  storeId: number,
  before: string,
  stopped: () => boolean,
): Promise<void> {
  for (;;) {
    const { rows } = await pool.query<{ day: string | null }>(
      'SELECT min(day)::text AS day FROM user_days WHERE store_id = $1 AND day < $2::date',
      [storeId, before],
    )
    const day = rows[0]?.day ?? null
    if (day === null) return
    for (const table of dayRows)
      for (let more = true; more;) {
        if (stopped()) return
        ;({ more } = await withSharedStoreLock(pool, storeId, (client) =>
          deleteChunk(client, table, [storeId, day], chunk),
        ))
      }
  }
}
