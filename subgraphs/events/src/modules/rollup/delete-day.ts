import type { PoolClient } from 'pg'
import { deleteChunk, type Rows } from '../../database/delete-chunk.ts'
import { ofDaySql } from './quarters.ts'
import { changeVersion } from './day-totals.ts'

/** The result of one step. */
export interface Removed {
  /** False when nothing remains. */
  readonly more: boolean
  /** Deleted rows, by table. */
  readonly rows: Readonly<Record<string, number>>
}

const ofDay = 'store_id = $1 AND day = $2::date'

/**
 * The rows of a store's day (`$1`, `$2`) besides its totals. Users come last: while any remain, the day is
 * unfinished.
 */
export const dayRows = [
  {
    name: 'events',
    where: `store_id = $1 AND occurred_at >= $2::date::timestamp AT TIME ZONE 'UTC'
            AND occurred_at < ($2::date + 1)::timestamp AT TIME ZONE 'UTC'`,
    key: 'occurred_at, id',
  },
  { name: 'user_type_days', where: ofDay, key: 'type, user_id' },
  { name: 'user_days', where: ofDay, key: 'user_id' },
] as const satisfies readonly Rows[]

/** Its totals. */
const dayTotals = [
  ['quarter_totals', `store_id = $1 AND ${ofDaySql('quarter', '$2::date')}`],
  ['type_day_totals', ofDay],
  ['day_totals', ofDay],
] as const

/** Removes up to a number of rows of each table, in the caller's transaction. */
export async function deleteChunkOfTable(
  client: PoolClient,
  tables: readonly Rows[],
  values: readonly unknown[],
  limit: number,
): Promise<Removed> {
  const counts: Record<string, number> = {}
  let more = false
  for (const table of tables) {
    const chunk = await deleteChunk(client, table, values, limit)
    counts[table.name] = chunk.count
    more ||= chunk.more
  }
  return { more, rows: counts }
}

/**
 * Deletes some rows of a store's UTC day to which nothing is added any more, in the caller's transaction: up
 * to a number of rows of each table. The totals are deleted with the last of the rows.
 */
export async function deleteChunkOfDay(
  client: PoolClient,
  storeId: number,
  day: string,
  limit: number,
): Promise<Removed> {
  const { more, rows } = await deleteChunkOfTable(client, dayRows, [storeId, day], limit)
  if (more) {
    if (rows['events'] !== 0) await changeVersion(client, storeId, day)
    return { more, rows }
  }
  const totals: Record<string, number> = {}
  for (const [table, where] of dayTotals) {
    const { rowCount } = await client.query(`DELETE FROM ${table} WHERE ${where}`, [storeId, day])
    totals[table] = rowCount ?? 0
  }
  return { more, rows: { ...rows, ...totals } }
}
