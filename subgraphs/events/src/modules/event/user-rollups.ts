import type { PoolClient } from 'pg'

/** Events of one user, of one type, on one UTC day. */
export interface UserDayEvents {
  readonly type: string
  readonly day: string
  readonly events: number
}

/** How the rows of one user changed: which came, or which went. */
export interface ChangedRows {
  readonly types: readonly { readonly type: string; readonly day: string }[]
  readonly days: readonly string[]
}

interface Columns {
  readonly types: readonly string[]
  readonly days: readonly string[]
  readonly counts: readonly number[]
}

const columnsOf = (groups: readonly UserDayEvents[]): Columns => ({
  types: groups.map(({ type }) => type),
  days: groups.map(({ day }) => day),
  counts: groups.map(({ events }) => events),
})

const groupsSql = `SELECT * FROM unnest($3::text[], $4::date[], $5::bigint[]) AS g(type, day, events)`
// Said as constants, too, so that partitions of other months are not looked into.
const within = `t.store_id = $1 AND t.user_id = $2 AND t.day >= $6::date AND t.day <= $7::date`

const boundsOf = (days: readonly string[]): [first: string, last: string] => {
  const sorted = [...days].sort()
  return [sorted[0] ?? '', sorted.at(-1) ?? '']
}

/**
 * Takes events out of a user's rows; a row without events goes. Whoever adds to the same rows waits or is waited for.
 *
 * @returns the rows that went
 */
export async function lowerUserRows(
  client: PoolClient,
  storeId: number,
  userId: string,
  groups: readonly UserDayEvents[],
): Promise<ChangedRows> {
  const { types, days, counts } = columnsOf(groups)
  const bounds = boundsOf(days)
  await client.query(
    `WITH gone AS MATERIALIZED (${groupsSql}), user_types AS (
       UPDATE user_type_days t SET events = t.events - g.events
       FROM gone g WHERE ${within} AND t.type = g.type AND t.day = g.day
     )
     UPDATE user_days t SET events = t.events - d.events
     FROM (SELECT day, sum(events)::bigint AS events FROM gone GROUP BY day) d WHERE ${within} AND t.day = d.day`,
    [storeId, userId, types, days, counts, ...bounds],
  )
  const goneTypes = await client.query<{ type: string; day: string }>(
    `DELETE FROM user_type_days t USING unnest($3::text[], $4::date[]) AS g(type, day)
     WHERE t.store_id = $1 AND t.user_id = $2 AND t.day >= $5::date AND t.day <= $6::date
       AND t.type = g.type AND t.day = g.day AND t.events = 0
     RETURNING t.type, t.day::text`,
    [storeId, userId, types, days, ...bounds],
  )
  const goneDays = await client.query<{ day: string }>(
    `DELETE FROM user_days t
     WHERE t.store_id = $1 AND t.user_id = $2 AND t.day = ANY ($3::date[]) AND t.events = 0 RETURNING t.day::text`,
    [storeId, userId, days],
  )
  return { types: goneTypes.rows, days: goneDays.rows.map(({ day }) => day) }
}

/**
 * Adds events to a user's rows.
 *
 * @returns the rows that came
 */
export async function raiseUserRows(
  client: PoolClient,
  storeId: number,
  userId: string,
  groups: readonly UserDayEvents[],
): Promise<ChangedRows> {
  const { types, days, counts } = columnsOf(groups)
  const values = [storeId, userId, types, days, counts]
  const newTypes = await client.query<{ type: string; day: string }>(
    `WITH brought AS MATERIALIZED (${groupsSql}), raised AS (
       INSERT INTO user_type_days AS t (store_id, type, day, user_id, events)
       SELECT $1, type, day, $2, events FROM brought ORDER BY type, day
       ON CONFLICT (store_id, type, day, user_id) DO UPDATE SET events = t.events + EXCLUDED.events
       RETURNING type, day, events
     )
     SELECT type, day::text FROM raised r JOIN brought b USING (type, day) WHERE r.events = b.events`,
    values,
  )
  const newDays = await client.query<{ day: string }>(
    `WITH brought AS MATERIALIZED (
       SELECT day, sum(events)::bigint AS events FROM (${groupsSql}) g GROUP BY day
     ), raised AS (
       INSERT INTO user_days AS t (store_id, day, user_id, events)
       SELECT $1, day, $2, events FROM brought ORDER BY day
       ON CONFLICT (store_id, day, user_id) DO UPDATE SET events = t.events + EXCLUDED.events
       RETURNING day, events
     )
     SELECT day::text FROM raised r JOIN brought b USING (day) WHERE r.events = b.events`,
    values,
  )
  return { types: newTypes.rows, days: newDays.rows.map(({ day }) => day) }
}
