import type { PoolClient } from 'pg'

/** The days on which a store has events. */
export async function daysOfStore(client: PoolClient, storeId: number): Promise<string[]> {
  const { rows } = await client.query<{ day: string }>(
    'SELECT day::text FROM day_totals WHERE store_id = $1 ORDER BY day',
    [storeId],
  )
  return rows.map(({ day }) => day)
}

/**
 * Deletes a store's events of one UTC day with their rollups, in the caller's transaction, which holds the store's
 * lock alone.
 *
 * @returns how many events there were
 */
export async function removeStoreDay(client: PoolClient, storeId: number, day: string): Promise<number> {
  const { rowCount } = await client.query(
    `DELETE FROM events
     WHERE store_id = $1 AND occurred_at >= $2::date::timestamp AT TIME ZONE 'UTC'
       AND occurred_at < ($2::date + 1)::timestamp AT TIME ZONE 'UTC'`,
    [storeId, day],
  )
  await client.query(
    `WITH user_types AS (DELETE FROM user_type_days WHERE store_id = $1 AND day = $2::date),
          users AS (DELETE FROM user_days WHERE store_id = $1 AND day = $2::date),
          type_totals AS (DELETE FROM type_day_totals WHERE store_id = $1 AND day = $2::date)
     DELETE FROM day_totals WHERE store_id = $1 AND day = $2::date`,
    [storeId, day],
  )
  return rowCount ?? 0
}
