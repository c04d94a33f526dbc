import type { PoolClient } from 'pg'

/** Events of one user, of one type, on one UTC day. */
export interface UserDayEvents {
  readonly userId: string
  readonly type: string
  readonly day: string
  readonly events: number
  /** The same by the quarter of an hour. */
  readonly quarters: readonly (readonly [quarter: number, events: number])[]
}

/** Whether rows of users were added or removed. */
export interface ChangedRows {
  readonly types: readonly { readonly type: string; readonly day: string }[]
  /** Each day as often as rows of it changed. */
  readonly days: readonly string[]
}

const none: ChangedRows = { types: [], days: [] }

type Columns = [users: string[], types: string[], days: string[], counts: number[]]

const columnsOf = (groups: readonly UserDayEvents[]): Columns => [
  groups.map(({ userId }) => userId),
  groups.map(({ type }) => type),
  groups.map(({ day }) => day),
  groups.map(({ events }) => events),
]

const groupsSql =
  'SELECT * FROM unnest($2::text[], $3::text[], $4::date[], $5::bigint[]) AS g(user_id, type, day, events)'
const userDaysSql = `SELECT user_id, day, sum(events)::bigint AS events FROM (${groupsSql}) g GROUP BY 1, 2`

/** Rows of users by key: each of the days with each of the users, and of the types if given. */
interface Keys {
  readonly types: readonly (string | null)[]
  readonly days: readonly string[]
  readonly users: readonly string[]
}

interface EmptyRow {
  readonly type: string | null
  readonly day: string
  readonly userId: string
}

/**
 * Subtracts events from the rows of their users; a row without events is deleted. Locks the rows against
 * concurrent writers.
 *
 * @returns the deleted rows
 */
export async function decrementUserRollups(
  client: PoolClient,
  storeId: number,
  groups: readonly UserDayEvents[],
): Promise<ChangedRows> {
  if (groups.length === 0) return none
  const values = [storeId, ...columnsOf(groups)]
  // Upserts find each row by its key, whatever the planner's statistics. A user's days come before their
  // types, sorted as by writers, so that all sessions queue up instead of deadlocking.
  const days = await client.query<EmptyRow>(
    `WITH lowered AS (
       INSERT INTO user_days AS t (store_id, day, user_id, events)
       SELECT $1, day, user_id, -events FROM (${userDaysSql}) g ORDER BY day, user_id
       ON CONFLICT (store_id, day, user_id) DO UPDATE SET events = t.events + EXCLUDED.events
       RETURNING day, user_id, events
     )
     SELECT NULL AS type, day::text, user_id AS "userId" FROM lowered WHERE events <= 0`,
    values,
  )
  const types = await client.query<EmptyRow>(
    `WITH lowered AS (
       INSERT INTO user_type_days AS t (store_id, type, day, user_id, events)
       SELECT $1, type, day, user_id, -events FROM (${groupsSql}) g ORDER BY type, day, user_id
       ON CONFLICT (store_id, type, day, user_id) DO UPDATE SET events = t.events + EXCLUDED.events
       RETURNING type, day, user_id, events
     )
     SELECT type, day::text, user_id AS "userId" FROM lowered WHERE events <= 0`,
    values,
  )
  for (const { days: some, users } of keysOf(days.rows))
    await client.query(
      `DELETE FROM user_days
       WHERE store_id = $1 AND day = ANY ($2::date[]) AND user_id = ANY ($3::text[]) AND events <= 0`,
      [storeId, some, users],
    )
  for (const { types: some, days: ofDays, users } of keysOf(types.rows))
    await client.query(
      `DELETE FROM user_type_days
       WHERE store_id = $1 AND type = ANY ($2::text[]) AND day = ANY ($3::date[]) AND user_id = ANY ($4::text[])
         AND events <= 0`,
      [storeId, some, ofDays, users],
    )
  return {
    types: types.rows.map(({ type, day }) => ({ type: type ?? '', day })),
    days: days.rows.map(({ day }) => day),
  }
}

/** All keys at once for a single user, else those of each day and type: few, and no others. */
function keysOf(rows: readonly EmptyRow[]): Keys[] {
  const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)]
  const keys = (some: readonly EmptyRow[]): Keys => ({
    types: distinct(some.map(({ type }) => type)),
    days: distinct(some.map(({ day }) => day)),
    users: distinct(some.map(({ userId }) => userId)),
  })
  if (distinct(rows.map(({ userId }) => userId)).length === 1) return [keys(rows)]
  return [...Map.groupBy(rows, ({ type, day }) => `${day} ${type ?? ''}`).values()].map(keys)
}

/**
 * Adds events to the rows of their users.
 *
 * @returns the added rows
 */
export async function incrementUserRollups(
  client: PoolClient,
  storeId: number,
  groups: readonly UserDayEvents[],
): Promise<ChangedRows> {
  if (groups.length === 0) return none
  const values = [storeId, ...columnsOf(groups)]
  const newDays = await client.query<{ day: string }>(
    `WITH incoming AS MATERIALIZED (${userDaysSql}), raised AS (
       INSERT INTO user_days AS t (store_id, day, user_id, events)
       SELECT $1, day, user_id, events FROM incoming ORDER BY day, user_id
       ON CONFLICT (store_id, day, user_id) DO UPDATE SET events = t.events + EXCLUDED.events
       RETURNING day, user_id, events
     )
     SELECT day::text FROM raised r JOIN incoming b USING (day, user_id) WHERE r.events = b.events`,
    values,
  )
  const newTypes = await client.query<{ type: string; day: string }>(
    `WITH incoming AS MATERIALIZED (${groupsSql}), raised AS (
       INSERT INTO user_type_days AS t (store_id, type, day, user_id, events)
       SELECT $1, type, day, user_id, events FROM incoming ORDER BY type, day, user_id
       ON CONFLICT (store_id, type, day, user_id) DO UPDATE SET events = t.events + EXCLUDED.events
       RETURNING type, day, user_id, events
     )
     SELECT type, day::text FROM raised r JOIN incoming b USING (type, day, user_id) WHERE r.events = b.events`,
    values,
  )
  return { types: newTypes.rows, days: newDays.rows.map(({ day }) => day) }
}
