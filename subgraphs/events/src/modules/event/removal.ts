import type { PoolClient } from 'pg'

/**
 * Deletes a user's events and takes them out of the rollups, in the caller's transaction, which holds the store's
 * lock alone.
 *
 * @returns how many events there were
 */
export async function removeUserEvents(client: PoolClient, storeId: number, userId: string): Promise<number> {
  const { rows } = await client.query<{ type: string; day: string; events: string }>(
    `WITH gone AS (
       DELETE FROM events WHERE store_id = $1 AND user_id = $2
       RETURNING type, (occurred_at AT TIME ZONE 'UTC')::date AS day
     )
     SELECT type, day::text, count(*) AS events FROM gone GROUP BY 1, 2`,
    [storeId, userId],
  )
  if (rows.length === 0) return 0
  const types = rows.map(({ type }) => type)
  const days = rows.map(({ day }) => day)
  const counts = rows.map(({ events }) => events)
  await client.query(
    `WITH gone AS (
       SELECT * FROM unnest($3::text[], $4::date[], $5::bigint[]) AS g(type, day, events)
     ), days AS (
       SELECT day, sum(events)::bigint AS events FROM gone GROUP BY day
     ), user_types AS (
       DELETE FROM user_type_days t USING gone g
       WHERE t.store_id = $1 AND t.user_id = $2 AND t.type = g.type AND t.day = g.day
     ), users AS (
       DELETE FROM user_days t USING days d WHERE t.store_id = $1 AND t.user_id = $2 AND t.day = d.day
     ), type_totals AS (
       UPDATE type_day_totals t SET events = t.events - g.events, users = t.users - 1
       FROM gone g WHERE t.store_id = $1 AND t.type = g.type AND t.day = g.day
     )
     UPDATE day_totals t SET events = t.events - d.events, users = t.users - 1
     FROM days d WHERE t.store_id = $1 AND t.day = d.day`,
    [storeId, userId, types, days, counts],
  )
  // A day without events is no day of an aggregate.
  await client.query(
    `WITH empty AS (
       DELETE FROM type_day_totals t USING unnest($2::text[], $3::date[]) AS g(type, day)
       WHERE t.store_id = $1 AND t.type = g.type AND t.day = g.day AND t.events = 0
     )
     DELETE FROM day_totals t WHERE t.store_id = $1 AND t.day = ANY ($3::date[]) AND t.events = 0`,
    [storeId, types, days],
  )
  return counts.reduce((sum, events) => sum + Number(events), 0)
}

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
