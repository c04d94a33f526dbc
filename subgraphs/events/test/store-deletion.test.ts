import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'
import { history, holdEvent, recordDeeds, untilSomeoneWaits, verify } from './history.ts'

const now = new Date('2026-06-15T12:00:00Z')
/** Far fewer events than a day has. */
const steps = { userBatch: 2, storeBatch: 3 }
let server: TestPostgres
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server, { now, steps })
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

const remove = (storeId: number, service = events) =>
  service.send('DELETE', `/api/event/by-store/${String(storeId)}`, service.store(storeId))
const rowsOf = async (storeId: number): Promise<string[]> => {
  const tables = ['events', 'user_type_days', 'user_days', 'quarter_totals', 'type_day_totals', 'day_totals']
  const found = await Promise.all(
    tables.map((table) => events.owner.query(`SELECT FROM ${table} WHERE store_id = $1`, [storeId])),
  )
  return tables.filter((_table, at) => (found[at]?.rows.length ?? 0) > 0)
}

test("a store's events are deleted in batches smaller than a day, each of which leaves correct rollups, and writers do not wait", async () => {
  await events.introduce(1)
  await recordDeeds(events, 1, history)
  let answer
  {
    // The third batch waits for its first event; of the second day one event is gone and the others are not.
    await using held = await holdEvent(events, 1, 6)
    answer = remove(1)
    await held.wanted()
    expect(await verify(events, 1)).toEqual({ consistent: true, eventsCounted: 6, differences: [] })
    const late = await recordDeeds(events, 1, [
      ['ann', 'view', '2026-06-15T11:00:00Z'],
      ['carl', 'view', '2026-03-02T10:30:00Z'],
    ])
    expect(late.acceptedCount).toBe(2)
    expect(await verify(events, 1)).toMatchObject({ consistent: true, eventsCounted: 8 })
  }
  // Events recorded before their batch was deleted, and events newer than all at the start, stay.
  expect((await answer).body).toEqual({ message: '12 events were deleted' })
  expect(await verify(events, 1)).toMatchObject({ consistent: true, eventsCounted: 2 })
  expect((await remove(1)).body).toEqual({ message: '2 events were deleted' })
  expect(await rowsOf(1)).toEqual([])
  expect((await remove(1)).body).toEqual({ message: '0 events were deleted' })
})

test('concurrent requests delete once, and both return the count', async () => {
  await events.introduce(2)
  await recordDeeds(events, 2, history)
  let answers
  {
    await using held = await holdEvent(events, 2, 6)
    const first = remove(2)
    await held.wanted()
    answers = [first, remove(2)]
    // The second gets the exclusive lock after the current batch of the first.
    await untilSomeoneWaits(events, "locktype = 'advisory'")
  }
  for (const { body } of await Promise.all(answers))
    expect(body).toEqual({ message: '12 events were deleted' })
  expect(await rowsOf(2)).toEqual([])
})

test('a deletion interrupted by a stop is continued by the next request, which counts it all', async () => {
  await events.introduce(3)
  await recordDeeds(events, 3, history)
  const other = await startEvents(server, { now, steps, database: events.database })
  let answer
  let closed
  {
    await using held = await holdEvent(events, 3, 6)
    answer = remove(3, other)
    await held.wanted()
    closed = other[Symbol.asyncDispose]()
  }
  const { status, headers, body } = await answer
  expect([status, headers.get('retry-after'), body.detail]).toEqual([
    503,
    '5',
    'The service is stopping before all events were deleted. Repeat the request to delete the rest.',
  ])
  await closed
  expect(await verify(events, 3)).toMatchObject({ consistent: true, eventsCounted: 3 })
  expect((await remove(3)).body).toEqual({ message: '12 events were deleted' })
  expect(await rowsOf(3)).toEqual([])
})

test('days whose raw events are no longer kept are deleted with their totals', async () => {
  await events.introduce(4)
  await recordDeeds(events, 4, history)
  await events.owner.query("INSERT INTO retention (store_id, raw_from) VALUES (4, '2026-04-01')")
  // As a sweep leaves it: totals without the rows they were counted from, and a day not yet swept.
  await events.owner.query(
    `WITH events AS (DELETE FROM events WHERE store_id = 4 AND occurred_at < '2026-03-02'),
          types AS (DELETE FROM user_type_days WHERE store_id = 4 AND day < '2026-03-02')
     DELETE FROM user_days WHERE store_id = 4 AND day < '2026-03-02'`,
  )
  expect((await remove(4)).body).toEqual({ message: '7 events were deleted' })
  expect(await rowsOf(4)).toEqual([])
})

test('after concurrent writes and deletions of users, rollups are correct', async () => {
  await events.introduce(5)
  const caller = events.store(5)
  await Promise.all(
    Array.from({ length: 24 }, async (_, n) => {
      if (n % 6 === 5) return await remove(5)
      if (n % 6 === 4) return await events.send('DELETE', `/api/event/user${String(n % 5)}`, caller)
      return await recordDeeds(
        events,
        5,
        Array.from({ length: 30 }, (_item, at) => [
          `user${String((n + at) % 5)}`,
          ['view', 'buy'][(n * at) % 2] ?? '',
          `2026-03-0${String(1 + ((n * at) % 3))}T0${String(n % 10)}:00:${String(10 + at)}Z`,
        ]),
      )
    }),
  )
  const { rows } = await events.owner.query('SELECT count(*)::int AS count FROM events WHERE store_id = 5')
  expect(await verify(events, 5)).toEqual({
    consistent: true,
    eventsCounted: rows[0].count,
    differences: [],
  })
})
