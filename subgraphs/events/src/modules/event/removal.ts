import type { PoolClient } from 'pg'

/**
 * Deletes a user's events and takes them out of the rollups, in the caller's transaction, which holds the store's
 * lock alone. Totals of days whose raw events are no longer kept stay as they are: counts that name nobody, and what
 * the user had in them can no longer be told.
 *
 * @returns how many events there were
 */
export async function removeUserEvents(client: PoolClient, storeId: number, userId: string): Promise<number> {
  const { rows } = await client.query<UserDayEvents>(
    `WITH gone AS (
       DELETE FROM events WHERE store_id = $1 AND user_id = $2
       RETURNING type, (occurred_at AT TIME ZONE 'UTC')::date AS day
     )
     SELECT type, day::text, count(*) AS events FROM gone GROUP BY 1, 2`,
    [storeId, userId],
  )
  const rawFrom = await rawFromOf(client, storeId)
  if (rawFrom !== null) await removeUserRowsBefore(client, storeId, userId, rawFrom)
  const kept = rows.filter(({ day }) => rawFrom === null || day >= rawFrom)
  if (kept.length > 0) await takeOut(client, storeId, userId, kept)
  return rows.reduce((sum, { events }) => sum + Number(events), 0)
}

/** From which day on a store's raw events are kept by its own setting. Whole months are not gone by halves. */
async function rawFromOf(client: PoolClient, storeId: number): Promise<string | null> {
  const { rows } = await client.query<{ raw_from: string }>(
    'SELECT raw_from::text FROM retention WHERE store_id = $1',
    [storeId],
  )
  return rows[0]?.raw_from ?? null
}

/** What is still there of days that are being swept away. */
async function removeUserRowsBefore(
  client: PoolClient,
  storeId: number,
  userId: string,
  day: string,
): Promise<void> {
  for (const table of ['user_type_days', 'user_days'])
    await client.query(`DELETE FROM ${table} WHERE store_id = $1 AND user_id = $2 AND day < $3::date`, [
      storeId,
      userId,
      day,
    ])
}

interface UserDayEvents {
  readonly type: string
  readonly day: string
  readonly events: string
}

/** Takes events of a user that are gone out of the rollups. */
async function takeOut(
  client: PoolClient,
  storeId: number,
  userId: string,
  gone: readonly UserDayEvents[],
): Promise<void> {
  const types = gone.map(({ type }) => type)
  const days = gone.map(({ day }) => day)
  const counts = gone.map(({ events }) => events)
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
