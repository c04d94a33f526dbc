import type { PoolClient } from 'pg'
import type { Rows } from '../../database/delete-chunk.ts'
import { deleteChunkOfTable, deleteChunkOfDay, type Removed } from '../rollup/delete-day.ts'

/** A store's rows apart from its days. Its access row stays: it refuses late events. */
const storeRows = [
  { name: 'idempotency_keys', where: 'store_id = $1', key: 'key' },
  { name: 'erased_users', where: 'store_id = $1', key: 'user_id' },
] as const satisfies readonly Rows[]

/**
 * Deletes some rows of a deleted store, oldest day first, in the caller's transaction: up to a number of rows
 * of each table. A day's totals are deleted with the last of its rows.
 */
export async function deleteChunkOfStore(
  client: PoolClient,
  storeId: number,
  limit: number,
): Promise<Removed> {
  const { rows: days } = await client.query<{ day: string | null }>(
    'SELECT min(day)::text AS day FROM day_totals WHERE store_id = $1',
    [storeId],
  )
  const day = days[0]?.day ?? null
  if (day !== null) return { more: true, rows: (await deleteChunkOfDay(client, storeId, day, limit)).rows }
  const { more, rows } = await deleteChunkOfTable(client, storeRows, [storeId], limit)
  if (more) return { more, rows }
  const { rowCount } = await client.query('DELETE FROM store_settings WHERE store_id = $1', [storeId])
  return { more, rows: { ...rows, store_settings: rowCount ?? 0 } }
}
