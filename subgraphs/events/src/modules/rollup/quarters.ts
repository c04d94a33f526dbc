import type { PoolClient } from 'pg'
import { withQueryTimeout, type EventsDb } from '@user-stats/prisma-events'
import { withSharedStoreLock } from '../../database/store-lock.ts'
import type { UserDayEvents } from './user-days.ts'

/** Milliseconds of a quarter of an hour: offsets of all time zones in use are multiples of it. */
export const quarterMs = 900_000
const quartersOfDay = 96

/** The quarter of an hour an instant lies in, as SQL: counted from 1970 on, UTC. */
export const quarterSql = (instant: string): string =>
  `floor(date_part('epoch', ${instant}) / ${String(quarterMs / 1_000)})::int`

/** Whether a quarter lies in a UTC day, as SQL. */
export const ofDaySql = (quarter: string, day: string): string => {
  const since = `(${day} - '1970-01-01'::date)`
  return `${quarter} >= ${since} * ${String(quartersOfDay)} AND ${quarter} < (${since} + 1) * ${String(quartersOfDay)}`
}

/** The UTC day of a quarter, as SQL. */
export const dayOfQuarterSql = (quarter: string): string =>
  `('1970-01-01'::date + floor(${quarter} / ${String(quartersOfDay)}.0)::int)`

/** Takes deleted events out of their quarters. Events that are moved to another user stay in theirs. */
export async function deductQuarters(
  client: PoolClient,
  storeId: number,
  groups: readonly UserDayEvents[],
): Promise<void> {
  const deducted = `(
    SELECT (q->>0)::int AS quarter, g->>'type' AS type, sum((q->>1)::int)::int AS events
    FROM jsonb_array_elements($2::jsonb) g, jsonb_array_elements(g->'quarters') q GROUP BY 1, 2) g`
  const values = [storeId, JSON.stringify(groups.map(({ type, quarters }) => ({ type, quarters })))]
  await client.query(
    `SELECT FROM quarter_totals t JOIN ${deducted} USING (quarter, type)
     WHERE t.store_id = $1 ORDER BY t.quarter, t.type FOR UPDATE OF t`,
    values,
  )
  await client.query(
    `UPDATE quarter_totals t SET events = t.events - g.events FROM ${deducted}
     WHERE t.store_id = $1 AND t.quarter = g.quarter AND t.type = g.type`,
    values,
  )
  await client.query(
    `DELETE FROM quarter_totals t USING ${deducted}
     WHERE t.store_id = $1 AND t.quarter = g.quarter AND t.type = g.type AND t.events <= 0`,
    values,
  )
}

/** Rows of `deleted` as groups, as SQL: each with its events, and these by the quarter. */
export const groupsSql = (keys: string): string => `
  SELECT ${keys}, day::text, sum(n)::int AS events, json_agg(json_build_array(quarter, n)) AS quarters
  FROM (SELECT ${keys}, day, ${quarterSql('occurred_at')} AS quarter, count(*) AS n FROM deleted GROUP BY ${keys}, day, quarter) q
  GROUP BY ${keys}, day`

/** Milliseconds that counting one day may take. */
const timeout = 600_000
const days = 1_000

/**
 * Counts days by quarters that a service of before has written without, as long as their raw events are kept.
 * Writers of other days do not wait.
 *
 * @param stopped asked between days
 */
export async function countQuarters(db: EventsDb, stopped: () => boolean): Promise<void> {
  for (let more = true; more;) {
    const { rows } = await db.pool.query<{ store_id: number; day: string }>(
      `SELECT d.store_id, d.day::text FROM day_totals d
       LEFT JOIN retention own ON own.store_id = d.store_id LEFT JOIN retention every ON every.store_id = 0
       WHERE d.quarter_events <> d.events
         AND d.day >= coalesce(greatest(own.raw_from, every.raw_from), '-infinity')
       ORDER BY d.store_id, d.day DESC LIMIT ${String(days)}`,
    )
    more = rows.length === days
    for (const { store_id: storeId, day } of rows) {
      if (stopped()) return
      await countDay(db, storeId, day)
    }
  }
}

const countDay = (db: EventsDb, storeId: number, day: string): Promise<void> =>
  withSharedStoreLock(db, storeId, async (client) => {
    const values = [storeId, day]
    await client.query(`SET LOCAL statement_timeout = ${String(timeout)}`)
    // Writers of the day update its total last, and wait for this: all events but theirs are counted here.
    await client.query('SELECT FROM day_totals WHERE store_id = $1 AND day = $2 FOR UPDATE', values)
    await client.query(
      `DELETE FROM quarter_totals WHERE store_id = $1 AND ${ofDaySql('quarter', '$2::date')}`,
      values,
    )
    const text = `INSERT INTO quarter_totals (store_id, quarter, type, events)
      SELECT store_id, ${quarterSql('occurred_at')}, type, count(*) FROM events
      WHERE store_id = $1 AND occurred_at >= $2::date::timestamp AT TIME ZONE 'UTC'
        AND occurred_at < ($2::date + 1)::timestamp AT TIME ZONE 'UTC'
      GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`
    await client.query(withQueryTimeout({ text, values }, timeout))
    await client.query(
      'UPDATE day_totals SET quarter_events = events WHERE store_id = $1 AND day = $2',
      values,
    )
  })
