import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'
import { history, holdEvent, recordDeeds, verify as verifyRollups, type Deed } from './history.ts'

const now = new Date('2026-06-15T12:00:00Z')
let server: TestPostgres
/** Takes one small step per call, so that tests see the states in between. */
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server, { now, steps: { userBatch: 4, storeBatch: 3, budget: 0 } })
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

const selection = 'finished eventsTotal eventsDeleted eventsAnonymised rows { table count }'

async function apply(field: string, input: Record<string, unknown>) {
  const type = `${field.slice(0, 1).toUpperCase()}${field.slice(1)}Input`
  const { body } = await events.graphql(
    events.service,
    `mutation($input: ${type}!) { applied: ${field}(input: $input) { ${selection} } }`,
    { input },
  )
  expect(body.errors).toBeUndefined()
  return body.data.applied
}
const erase = (storeId: number, userId: string, more: Record<string, unknown> = {}) =>
  apply('applyUserErasure', { commandId: 1, storeId, userId, ...more })

const record = (storeId: number, list: readonly Deed[]) => recordDeeds(events, storeId, list)
const verify = (storeId: number | null) => verifyRollups(events, storeId)

/** The results of aggregates and analyses, by day and over ranges. */
async function statistics(storeId: number) {
  const { body } = await events.graphql(
    events.store(storeId),
    `{
      views: eventAmount(type: "view") { date eventAmount }
      average: eventAverage(type: "view") { date eventAverage }
      all: storeEventAmount(storeId: ${String(storeId)}) { date eventAmount }
      days: eventSeries(filter: { fromDay: "2026-03-01", toDay: "2026-05-01" }, granularity: DAY) {
        totals { events users } points { start events users }
      }
      hours: eventSeries(filter: { fromDay: "2026-03-01", toDay: "2026-03-03" }, granularity: HOUR, timeZone: "Asia/Kolkata") {
        totals { events users } points { start events users }
      }
    }`,
  )
  return body
}

test('a user is erased in steps, each of which leaves correct rollups, and no data remains', async () => {
  await events.introduce(1)
  await record(1, history)
  const steps = []
  for (let finished = false; !finished;) {
    const step = await erase(1, 'ann')
    expect(await verify(1)).toEqual({
      consistent: true,
      eventsCounted: 12 - step.eventsDeleted,
      differences: [],
    })
    expect((await record(1, [['ann', 'view', '2026-05-01T00:00:00Z']])).results[0].error.code).toBe(
      'USER_ERASED',
    )
    steps.push(step)
    finished = step.finished
  }
  expect(
    steps.map(({ finished, eventsTotal, eventsDeleted }) => [finished, eventsTotal, eventsDeleted]),
  ).toEqual([
    [false, 10, 4],
    [false, 10, 8],
    [true, 10, 10],
  ])
  const last = steps.at(-1)
  expect(last.rows).toEqual([
    { table: 'events', count: 10 },
    { table: 'user_days', count: 3 },
    { table: 'user_type_days', count: 5 },
  ])
  expect(await erase(1, 'ann')).toEqual(last)
  for (const table of ['events', 'user_days', 'user_type_days'])
    expect(
      (await events.owner.query(`SELECT FROM ${table} WHERE user_id = 'ann' AND store_id = 1`)).rows,
    ).toEqual([])
  expect((await events.send('GET', '/api/event/amount/view', events.store(1))).body).toEqual([
    { date: '2026-04-30', event_amount: 1 },
    { date: '2026-03-01', event_amount: 1 },
  ])
})

test('an anonymised user is still counted everywhere, and cannot be traced back', async () => {
  await events.introduce(2)
  const recorded = await record(2, history)
  const before = await statistics(2)
  expect(before.errors).toBeUndefined()
  expect(before.data.hours.totals).toEqual({ events: 9, users: 2 })
  for (let finished = false; !finished;) {
    const step = await erase(2, 'ann', { events: 'ANONYMISE' })
    expect(await verify(2)).toMatchObject({ consistent: true, eventsCounted: 12 })
    finished = step.finished
  }
  expect(await erase(2, 'ann', { events: 'ANONYMISE' })).toEqual({
    finished: true,
    eventsTotal: 10,
    eventsDeleted: 0,
    eventsAnonymised: 10,
    rows: [
      { table: 'user_days', count: 3 },
      { table: 'user_type_days', count: 5 },
    ],
  })
  expect(await statistics(2)).toEqual(before)

  const { rows } = await events.owner.query<{ user_id: string; id: string; data: unknown; minute: string }>(
    `SELECT user_id, id, data, to_char(occurred_at AT TIME ZONE 'UTC', 'HH24:MI:SS.MS') AS minute, created_at
     FROM events WHERE store_id = 2 AND user_id <> 'bob' ORDER BY occurred_at`,
  )
  const ids = new Set(recorded.results.map(({ event }: { event: { id: string } }) => event.id))
  expect(rows).toHaveLength(10)
  expect(new Set(rows.map(({ user_id }) => user_id)).size).toBe(1)
  expect(rows.filter(({ id, data }) => ids.has(id) || JSON.stringify(data) !== '{}')).toEqual([])
  expect(rows.slice(0, 4).map(({ minute }) => minute)).toEqual([
    '08:00:00.000',
    '08:00:00.000',
    '09:15:00.000',
    '23:45:00.000',
  ])
  // Only the tombstone still contains the user, and nothing links the pseudonym to it.
  const pseudonym = rows[0]?.user_id ?? ''
  const { rows: tables } = await events.owner.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
  )
  const holders = async (text: string) => {
    const found = []
    for (const { name } of tables) {
      const { rows: held } = await events.owner.query(
        `SELECT FROM ${name} t WHERE t::text LIKE '%' || $1 || '%' AND to_jsonb(t)->>'store_id' = '2'`,
        [text],
      )
      if (held.length > 0) found.push(name.replace(/_y\d+m\d+$/, ''))
    }
    return [...new Set(found)].sort()
  }
  expect(await holders(pseudonym)).toEqual(['events', 'user_days', 'user_type_days'])
  expect(await holders('ann')).toEqual(['erased_users', 'idempotency_keys'])
})

test('an idempotency key of an erased event is refused, for any caller', async () => {
  await events.introduce(3)
  await record(3, history)
  for (let finished = false; !finished;) finished = (await erase(3, 'ann', { events: 'ANONYMISE' })).finished
  const again = await record(3, history)
  expect(again.results.map(({ error }: { error: { code: string } | null }) => error?.code ?? null)).toEqual([
    ...Array.from({ length: 10 }, () => 'USER_ERASED'),
    null,
    null,
  ])
  // Without the tombstone the key itself refuses it.
  await events.owner.query('DELETE FROM erased_users WHERE store_id = 3')
  expect((await record(3, history.slice(0, 1))).results[0].error.code).toBe('EVENT_ERASED')
})

test('concurrent deliveries of one erasure execute it once', async () => {
  for (const [storeId, mode] of [
    [4, 'ERASE'],
    [5, 'ANONYMISE'],
  ] as const) {
    await events.introduce(storeId)
    await record(storeId, history)
    const untilFinished = async () => {
      for (;;) {
        const step = await erase(storeId, 'ann', { events: mode })
        if (step.finished) return step
      }
    }
    const [one, other] = await Promise.all([untilFinished(), untilFinished()])
    expect(one).toEqual(other)
    expect([one.eventsDeleted, one.eventsAnonymised]).toEqual(mode === 'ERASE' ? [10, 0] : [0, 10])
    expect(await verify(storeId)).toMatchObject({
      consistent: true,
      eventsCounted: mode === 'ERASE' ? 2 : 12,
    })
  }
})

test("an erasure in the middle of a step does not keep the store's writers waiting", async () => {
  await events.introduce(6)
  await record(6, history)
  let step
  {
    // The step has begun to delete and waits for this event, the first of ann.
    await using held = await holdEvent(events, 6, 1)
    step = erase(6, 'ann')
    await held.wanted()
    expect((await record(6, [['carl', 'view', '2026-03-01T08:00:00Z']])).acceptedCount).toBe(1)
  }
  expect((await step).eventsDeleted).toBe(4)
  expect(await verify(6)).toMatchObject({ consistent: true, eventsCounted: 9 })
})

test('a store is erased in steps, with all its data, and totals over all stores stay correct meanwhile', async () => {
  await events.introduce(7)
  await record(7, history)
  for (let finished = false; !finished;) finished = (await erase(7, 'bob')).finished
  let last
  const shares = []
  do {
    last = await apply('applyStoreDeletion', { commandId: 9, storeId: 7 })
    shares.push(last.eventsDeleted)
    expect(await verify(null)).toMatchObject({ consistent: true })
  } while (!last.finished)
  expect(shares).toEqual([...shares].sort((a, b) => a - b))
  expect(shares.filter((share) => share < 10).length).toBeGreaterThan(2)
  expect(last).toEqual({
    finished: true,
    eventsTotal: 10,
    eventsDeleted: 10,
    eventsAnonymised: 0,
    rows: [
      { table: 'day_totals', count: 3 },
      { table: 'erased_users', count: 1 },
      { table: 'events', count: 10 },
      { table: 'idempotency_keys', count: 12 },
      { table: 'quarter_totals', count: 9 },
      { table: 'type_day_totals', count: 5 },
      { table: 'user_days', count: 3 },
      { table: 'user_type_days', count: 5 },
    ],
  })
  expect(await apply('applyStoreDeletion', { commandId: 9, storeId: 7 })).toEqual(last)
})

test('deleting the events of a user on request corrects the rollups during writes of the same user', async () => {
  await events.introduce(8)
  const writer = (round: number) =>
    record(8, [
      ['ann', 'view', `2026-03-0${String(1 + (round % 3))}T10:00:00Z`],
      ['bob', 'view', `2026-03-0${String(1 + (round % 3))}T10:00:00Z`],
    ])
  await record(8, history)
  const remove = () => events.send('DELETE', '/api/event/ann', events.store(8))
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => (n % 4 === 3 ? remove() : writer(n))),
  )
  expect(answers).toHaveLength(20)
  expect(await verify(8)).toMatchObject({ consistent: true })
})
