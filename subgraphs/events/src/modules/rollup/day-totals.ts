import { randomUUID } from 'node:crypto'
import type { PoolClient } from 'pg'
import { deductQuarters } from './quarters.ts'
import type { ChangedRows, UserDayEvents } from './user-days.ts'

/** Amounts to subtract from totals and add to them, by day and, where given, type. */
class Changes {
  readonly #byKey = new Map<string, { type: string; day: string; events: number; users: number }>()

  add(type: string, day: string, events: number, users: number): void {
    const key = `${day}\0${type}`
    const change = this.#byKey.get(key) ?? { type, day, events: 0, users: 0 }
    change.events += events
    change.users += users
    this.#byKey.set(key, change)
  }

  /** As columns. */
  columns(): [types: string[], days: string[], events: number[], users: number[]] {
    const changes = [...this.#byKey.values()]
    return [
      changes.map(({ type }) => type),
      changes.map(({ day }) => day),
      changes.map(({ events }) => events),
      changes.map(({ users }) => users),
    ]
  }
}

/**
 * Corrects the totals of a store after events were deleted or moved to another user, and gives their days new
 * versions. A day without events is removed. Call it at the end of a transaction: every writer of the day
 * waits for it. Days are locked before types, as by writers: a session that holds a day's total may still
 * need those of its types.
 *
 * @param groups events that were deleted, or moved to another user
 */
export async function correctTotals(
  client: PoolClient,
  storeId: number,
  {
    groups,
    moved,
    removed,
    added,
  }: {
    readonly groups: readonly UserDayEvents[]
    readonly moved: boolean
    readonly removed: ChangedRows
    readonly added: ChangedRows
  },
): Promise<void> {
  if (groups.length === 0) return
  const ofTypes = new Changes()
  const ofDays = new Changes()
  for (const { type, day, events } of groups) {
    ofTypes.add(type, day, moved ? 0 : -events, 0)
    ofDays.add('', day, moved ? 0 : -events, 0)
  }
  for (const [rows, users] of [
    [removed, -1],
    [added, 1],
  ] as const) {
    for (const { type, day } of rows.types) ofTypes.add(type, day, 0, users)
    for (const day of rows.days) ofDays.add('', day, 0, users)
  }
  const types = ofTypes.columns()
  const days = ofDays.columns().slice(1)
  await client.query(
    'SELECT FROM day_totals WHERE store_id = $1 AND day = ANY ($2::date[]) ORDER BY day FOR UPDATE',
    [storeId, days[0]],
  )
  await client.query(
    `UPDATE day_totals t SET events = t.events + g.events, users = t.users + g.users,
       quarter_events = t.quarter_events + g.events, version = $5, removal = $5
     FROM unnest($2::date[], $3::bigint[], $4::bigint[]) AS g(day, events, users)
     WHERE t.store_id = $1 AND t.day = g.day`,
    [storeId, ...days, randomUUID()],
  )
  await client.query(
    `SELECT FROM type_day_totals t JOIN unnest($2::text[], $3::date[]) AS g(type, day) USING (type, day)
     WHERE t.store_id = $1 ORDER BY t.type, t.day FOR UPDATE OF t`,
    [storeId, types[0], types[1]],
  )
  await client.query(
    `UPDATE type_day_totals t SET events = t.events + g.events, users = t.users + g.users
     FROM unnest($2::text[], $3::date[], $4::bigint[], $5::bigint[]) AS g(type, day, events, users)
     WHERE t.store_id = $1 AND t.type = g.type AND t.day = g.day`,
    [storeId, ...types],
  )
  await client.query(
    `WITH empty AS (
       DELETE FROM type_day_totals t USING unnest($2::text[], $3::date[]) AS g(type, day)
       WHERE t.store_id = $1 AND t.type = g.type AND t.day = g.day AND t.events = 0
     )
     DELETE FROM day_totals t WHERE t.store_id = $1 AND t.day = ANY ($4::date[]) AND t.events = 0`,
    [storeId, types[0], types[1], days[0]],
  )
  if (!moved) await deductQuarters(client, storeId, groups)
}

/** Gives a day of a store a new version, in the transaction that deletes some of its events. */
export const changeVersion = (client: PoolClient, storeId: number, day: string): Promise<unknown> =>
  client.query('UPDATE day_totals SET version = $3, removal = $3 WHERE store_id = $1 AND day = $2::date', [
    storeId,
    day,
    randomUUID(),
  ])
