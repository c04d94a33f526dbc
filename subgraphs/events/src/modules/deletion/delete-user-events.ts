import type { PoolClient } from 'pg'
import { groupsSql } from '../rollup/quarters.ts'
import { correctTotals } from '../rollup/day-totals.ts'
import { decrementUserRollups, incrementUserRollups, type UserDayEvents } from '../rollup/user-days.ts'

/** The result of one step. */
export interface Taken {
  /** False when nothing of the user remains. */
  readonly more: boolean
  readonly deleted: number
  /** Events that are kept under a pseudonym. */
  readonly moved: number
  /** Deleted rows, by table. */
  readonly rows: Readonly<Record<string, number>>
}

/** Times of anonymised events are rounded to this: bounds of hours and days of every time zone stay exact. */
const coarse = (column: string): string =>
  `date_bin('15 minutes', ${column}, TIMESTAMPTZ '1800-01-01 00:00:00+00')`

/**
 * Deletes the oldest of a user's events, up to a number, with their rollups. Runs in the caller's transaction
 * with the shared lock of the store, concurrently with writers. After every commit the rollups equal a
 * recount of the raw events. Totals of days whose raw events are no longer kept stay unchanged: they identify
 * nobody, and the user's share of them is unknown.
 *
 * @param pseudonym the user id under which the events are kept, with new ids, rounded times and without their
 *   data; null deletes them
 */
export async function deleteUserEvents(
  client: PoolClient,
  storeId: number,
  userId: string,
  { limit, pseudonym }: { readonly limit: number; readonly pseudonym: string | null },
): Promise<Taken> {
  const rawFrom = await rawFromOf(client, storeId)
  const { more, groups } = await takeRaw(client, storeId, userId, limit, pseudonym, rawFrom)
  const rowsBefore = more || rawFrom === null ? {} : await removeRowsBefore(client, storeId, userId, rawFrom)
  const kept = groups.filter(({ day }) => rawFrom === null || day >= rawFrom)
  const inherited = pseudonym === null ? [] : kept.map((group) => ({ ...group, userId: pseudonym }))
  const removed = await decrementUserRollups(client, storeId, kept)
  const added = await incrementUserRollups(client, storeId, inherited)
  await correctTotals(client, storeId, { groups: kept, moved: pseudonym !== null, removed, added })
  const all = sumOf(groups)
  const moved = pseudonym === null ? 0 : sumOf(kept)
  return {
    more,
    deleted: all - moved,
    moved,
    rows: {
      events: all - moved,
      user_type_days: removed.types.length + (rowsBefore['user_type_days'] ?? 0),
      user_days: removed.days.length + (rowsBefore['user_days'] ?? 0),
    },
  }
}

const sumOf = (groups: readonly UserDayEvents[]): number =>
  groups.reduce((sum, { events }) => sum + events, 0)

async function takeRaw(
  client: PoolClient,
  storeId: number,
  userId: string,
  limit: number,
  pseudonym: string | null,
  rawFrom: string | null,
): Promise<{ more: boolean; groups: UserDayEvents[] }> {
  // A range of the key rather than a list of keys: the planner always uses the index for it.
  const { rows: ends } = await client.query<{ occurred_at: Date; id: string }>(
    `SELECT occurred_at, id FROM events WHERE store_id = $1 AND user_id = $2
     ORDER BY occurred_at, id OFFSET $3 LIMIT 1`,
    [storeId, userId, limit],
  )
  const [end] = ends
  const before = end === undefined ? '' : 'AND (occurred_at, id) < ($3::timestamptz, $4::bigint)'
  const values = [storeId, userId, ...(end === undefined ? [] : [end.occurred_at, end.id])]
  const next = `$${String(values.length + 1)}`
  const last = `$${String(values.length + 2)}::date`
  const moving = `, moved AS (
       INSERT INTO events (store_id, occurred_at, id, user_id, type, data, created_at)
       SELECT $1, ${coarse('occurred_at')}, nextval('events_id_seq'), ${next}, type, '{}', ${coarse('created_at')}
       FROM (SELECT * FROM deleted WHERE ${last} IS NULL OR day >= ${last} ORDER BY occurred_at, id) inherited
     )`
  const { rows } = await client.query<Omit<UserDayEvents, 'userId'>>(
    `WITH deleted AS (
       DELETE FROM events WHERE store_id = $1 AND user_id = $2 ${before}
       RETURNING type, occurred_at, id, created_at, (occurred_at AT TIME ZONE 'UTC')::date AS day
     )${pseudonym === null ? '' : moving}
     ${groupsSql('type')}`,
    pseudonym === null ? values : [...values, pseudonym, rawFrom],
  )
  return { more: end !== undefined, groups: rows.map((row) => ({ ...row, userId })) }
}

/**
 * The first day of raw events kept by the store's own setting. Whole months need none: they are dropped at
 * once.
 */
async function rawFromOf(client: PoolClient, storeId: number): Promise<string | null> {
  const { rows } = await client.query<{ raw_from: string }>(
    'SELECT raw_from::text FROM retention WHERE store_id = $1',
    [storeId],
  )
  return rows[0]?.raw_from ?? null
}

/** What remains of days that are being deleted. */
async function removeRowsBefore(
  client: PoolClient,
  storeId: number,
  userId: string,
  day: string,
): Promise<Record<string, number>> {
  const removed: Record<string, number> = {}
  for (const table of ['user_type_days', 'user_days']) {
    const { rowCount } = await client.query(
      `DELETE FROM ${table} WHERE store_id = $1 AND user_id = $2 AND day < $3::date`,
      [storeId, userId, day],
    )
    removed[table] = rowCount ?? 0
  }
  return removed
}
