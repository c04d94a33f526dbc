import type { PoolClient } from 'pg'
import { deleteChunkOfDay } from '../rollup/delete-day.ts'
import { groupsSql } from '../rollup/quarters.ts'
import { correctTotals } from '../rollup/day-totals.ts'
import { decrementUserRollups, type UserDayEvents } from '../rollup/user-days.ts'

/** The position of an event in a store's order of time. */
export interface EventKey {
  readonly occurredAt: Date
  readonly id: string
}

/** The result of one step. */
export interface TakenOfStore {
  /** Where to continue. Null when everything up to the requested event is deleted. */
  readonly next: Span | null
  /** Deleted rows, by table. */
  readonly rows: Readonly<Record<string, number>>
}

/** From one event to another, both inclusive. */
export interface Span {
  /** Null: from the first. */
  readonly from: EventKey | null
  /** Null: no events, only the remains of days whose raw events are no longer kept. */
  readonly last: EventKey | null
}

/** The last event of a store. */
export async function lastEventOf(client: PoolClient, storeId: number): Promise<EventKey | null> {
  const { rows } = await client.query<EventKey>(
    `SELECT occurred_at AS "occurredAt", id FROM events WHERE store_id = $1
     ORDER BY occurred_at DESC, id DESC LIMIT 1`,
    [storeId],
  )
  return rows[0] ?? null
}

/**
 * Deletes the oldest of a store's events, up to a number, with their rollups. Runs in the caller's
 * transaction with the shared lock of the store, concurrently with writers. After every commit the rollups
 * equal a recount of the raw events. Days whose raw events are no longer kept are deleted first, with their
 * totals: nothing is added to them.
 */
export async function deleteStoreEvents(
  client: PoolClient,
  storeId: number,
  span: Span,
  limit: number,
): Promise<TakenOfStore> {
  const day = await firstUnkeptDay(client, storeId)
  if (day !== null) return { next: span, rows: (await deleteChunkOfDay(client, storeId, day, limit)).rows }
  if (span.last === null) return { next: null, rows: {} }
  const { end, groups } = await takeRaw(client, storeId, span.from, span.last, limit)
  const removed = await decrementUserRollups(client, storeId, groups)
  await correctTotals(client, storeId, { groups, moved: false, removed, added: { types: [], days: [] } })
  return {
    next: end === null ? null : { ...span, from: end },
    rows: {
      events: groups.reduce((sum, { events }) => sum + events, 0),
      user_type_days: removed.types.length,
      user_days: removed.days.length,
    },
  }
}

/** The first day that has totals but no longer the raw events to count them from. */
async function firstUnkeptDay(client: PoolClient, storeId: number): Promise<string | null> {
  const { rows } = await client.query<{ day: string | null }>(
    `SELECT min(day)::text AS day FROM day_totals
     WHERE store_id = $1 AND day < (SELECT max(raw_from) FROM retention WHERE store_id IN (0, $1))`,
    [storeId],
  )
  return rows[0]?.day ?? null
}

async function takeRaw(
  client: PoolClient,
  storeId: number,
  from: EventKey | null,
  last: EventKey,
  limit: number,
): Promise<{ end: EventKey | null; groups: UserDayEvents[] }> {
  // The redundant condition on time prunes partitions of other months.
  const within = `FROM events WHERE store_id = $1
    AND occurred_at >= coalesce($2, '-infinity'::timestamptz) AND occurred_at <= $4
    AND (occurred_at, id) >= (coalesce($2, '-infinity'::timestamptz), coalesce($3::bigint, 0))`
  const values = [storeId, from?.occurredAt ?? null, from?.id ?? null]
  const { rows: ends } = await client.query<EventKey>(
    `SELECT occurred_at AS "occurredAt", id ${within} AND (occurred_at, id) <= ($4::timestamptz, $5::bigint)
     ORDER BY occurred_at, id OFFSET $6 LIMIT 1`,
    [...values, last.occurredAt, last.id, limit],
  )
  const end = ends[0] ?? null
  const { rows: groups } = await client.query<UserDayEvents>(
    `WITH deleted AS (
       DELETE ${within} AND (occurred_at, id) ${end === null ? '<=' : '<'} ($4::timestamptz, $5::bigint)
       RETURNING user_id AS "userId", type, occurred_at, (occurred_at AT TIME ZONE 'UTC')::date AS day
     )
     ${groupsSql('"userId", type')}`,
    [...values, (end ?? last).occurredAt, (end ?? last).id],
  )
  return { end, groups }
}
