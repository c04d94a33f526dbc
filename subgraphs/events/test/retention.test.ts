import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Pool } from 'pg'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { eventsDbOver } from '@user-stats/prisma-events'
import { createLogger } from '@user-stats/http'
import type { DomainError, SignedInCaller } from '@user-stats/core'
import { requireRetained } from '../src/modules/retention/retained-range.ts'
import { createRetention } from '../src/modules/retention/data-retention.ts'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startDatabaseServer()
})
afterAll(async () => {
  await server.stop()
})

const now = new Date('2026-06-15T12:00:00Z')
const log = createLogger({ name: 'events', level: 'silent' })

/** The service without scheduled maintenance, and one whose retention the test runs itself. */
async function start(env: Record<string, string> = {}) {
  const events = await startEvents(server, { now, env, maintain: false })
  const pool = new Pool({ connectionString: events.database.url, max: 6 })
  let at = now
  return {
    events,
    pool,
    setNow: (instant: Date) => {
      at = instant
      events.setNow(instant)
    },
    /** Deletes events beyond their retention time. */
    letGo: async (days: number, dropAttempts = 200) => {
      const retention = createRetention({
        db: eventsDbOver(pool),
        clock: () => at,
        log,
        days,
        dropAttempts,
        dropPause: 5,
      })
      while (!(await retention.run(() => false)));
    },
    async [Symbol.asyncDispose]() {
      await pool.end()
      await events[Symbol.asyncDispose]()
    },
  }
}

async function record(events: Harness, caller: SignedInCaller, days: readonly string[], userId = 'ann') {
  const { body } = await events.graphql(
    caller,
    `mutation($input: RecordEventsInput!) {
       recordEvents(input: $input) { acceptedCount results { error { code field message } } } }`,
    { input: { events: days.map((day) => ({ type: 'view', userId, occurredAt: `${day}T23:59:59.999Z` })) } },
  )
  return body.data.recordEvents
}

const partitionsOf = async (events: Harness): Promise<string[]> =>
  (
    await events.owner.query<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits JOIN pg_class ON oid = inhrelid
       WHERE relkind = 'r' ORDER BY 1`,
    )
  ).rows.map(({ name }) => name)
const daysIn = async (events: Harness, table: string, day = 'day', storeId = 1): Promise<string[]> =>
  (
    await events.owner.query<{ day: string }>(
      `SELECT DISTINCT (${day})::text AS day FROM ${table} WHERE store_id = $1 ORDER BY 1`,
      [storeId],
    )
  ).rows.map((row) => row.day)
const rawDays = (events: Harness, storeId = 1) =>
  daysIn(events, 'events', `(occurred_at AT TIME ZONE 'UTC')::date`, storeId)
const rawFrom = async (events: Harness, storeId: number): Promise<string | undefined> =>
  (await events.owner.query('SELECT raw_from::text AS day FROM retention WHERE store_id = $1', [storeId]))
    .rows[0]?.day
const amounts = async (events: Harness, caller: SignedInCaller): Promise<unknown> =>
  (await events.send('GET', '/api/event/amount/view', caller)).body
const settings = (events: Harness, storeId: number, retentionDays: number | null, commandId: number) =>
  events.graphql(
    events.service,
    'mutation($input: ApplyStoreSettingsInput!) { applyStoreSettings(input: $input) { eventsDeleted } }',
    { input: { storeId, retentionDays, commandId } },
  )

const days = ['2026-02-28', '2026-03-31', '2026-04-01', '2026-04-30', '2026-05-01', '2026-06-15']

test('whole months are dropped, with their user rows; totals and later months stay', async () => {
  await using all = await start()
  const { events, letGo } = all
  const store = events.store(1)
  // The last of them would be ahead of the clock at its end of day.
  await record(events, store, days.slice(0, -1))
  const before = await amounts(events, store)
  const partitions = await partitionsOf(events)
  expect(partitions).toContain('user_days_y2026m02')
  // Sixty days before 15 June is 16 April: April is not over by then.
  await letGo(60)
  expect(await rawFrom(events, 0)).toBe('2026-04-01')
  expect(await partitionsOf(events)).toEqual(
    partitions.filter((name) => !/_y2026m0[1-3]$/.test(name) && !name.includes('_y2025')),
  )
  for (const table of ['user_days', 'user_type_days'])
    expect(await daysIn(events, table)).toEqual(days.slice(2, -1))
  expect(await rawDays(events)).toEqual(days.slice(2, -1))
  expect(await amounts(events, store)).toEqual(before)
  for (const table of ['day_totals', 'type_day_totals'])
    expect(await daysIn(events, table)).toEqual(days.slice(0, -1))
  const page = await events.graphql(store, '{ events(to: "2026-04-01T00:00:00Z") { nodes { id } } }')
  expect(page.body.data.events.nodes).toEqual([])
})

test('events are kept forever by default', async () => {
  await using all = await start()
  await record(all.events, all.events.store(1), ['2020-01-01'])
  all.setNow(new Date('2026-07-15T00:00:00Z'))
  await all.letGo(0)
  expect([await rawDays(all.events), await rawFrom(all.events, 0)]).toEqual([['2020-01-01'], undefined])
})

test('the service drops months by itself', async () => {
  const first = await startEvents(server, { now })
  await using _first = first
  await record(first, first.store(1), ['2026-01-31', '2026-05-31'])
  await using _second = await startEvents(server, {
    now,
    env: { RETENTION_DAYS: '30' },
    database: first.database,
  })
  const deadline = Date.now() + 20_000
  while ((await rawFrom(first, 0)) === undefined) expect(Date.now()).toBeLessThan(deadline)
  expect(await rawDays(first)).toEqual(['2026-05-31'])
})

test('an event of a dropped month is refused alone, and the month is not created again', async () => {
  await using all = await start()
  const { events, letGo } = all
  const store = events.store(1)
  await record(events, store, ['2026-03-31'])
  await letGo(60)
  const { acceptedCount, results } = await record(events, store, ['2026-03-31', '2026-04-01', '2025-01-01'])
  expect(acceptedCount).toBe(1)
  const refused = {
    code: 'BAD_USER_INPUT',
    field: 'occurredAt',
    message: 'occurredAt: must not be before 2026-04-01: earlier raw events are no longer kept',
  }
  expect(results.map(({ error }: { error: unknown }) => error)).toEqual([refused, null, refused])
  await all.pool.query(`SELECT ensure_month('2026-03-01')`)
  expect((await partitionsOf(events)).filter((name) => /2025|2026m03/.test(name))).toEqual([])
})

test('writers of old events that race with the drop leave no uncounted rows', async () => {
  await using all = await start()
  const { events, letGo } = all
  const store = events.store(1)
  let accepted = 0
  const writers = Array.from({ length: 12 }, async (_, writer) => {
    for (let round = 0; round < 8; round += 1) {
      const old = `2026-0${String(1 + (round % 3))}-10`
      const answer = await record(events, store, [old, '2026-05-05'], `user ${String(writer)}`)
      accepted += Number(answer.acceptedCount)
    }
  })
  const drop = async () => {
    while ((await rawFrom(events, 0)) === undefined) await letGo(60)
  }
  await Promise.all([...writers, drop()])
  expect(await rawDays(events)).toEqual(['2026-05-05'])
  expect(await daysIn(events, 'user_days')).toEqual(['2026-05-05'])
  const { rows } = await events.owner.query('SELECT sum(events)::int AS events FROM day_totals')
  expect(rows).toEqual([{ events: accepted }])
})

test('concurrent replicas drop months once', async () => {
  await using all = await start()
  const { events, letGo } = all
  await record(events, events.store(1), days.slice(0, -1))
  await Promise.all([letGo(60), letGo(60), letGo(60)])
  await letGo(60)
  expect(await rawDays(events)).toEqual(days.slice(2, -1))
})

test('dropping lets a reader go first, blocks no request meanwhile, and is done by the next run', async () => {
  await using all = await start()
  const { events, letGo } = all
  await record(events, events.store(1), ['2026-02-01', '2026-06-01'])
  const reader = await events.owner.connect()
  await reader.query('BEGIN; SELECT FROM events')
  const dropping = letGo(30, 1_000)
  for (let n = 0; n < 10; n += 1) {
    expect((await record(events, events.store(2), ['2026-06-02'])).acceptedCount).toBe(1)
    expect((await events.owner.query('SELECT FROM events')).rowCount).toBe(n + 3)
  }
  expect(await rawFrom(events, 0)).toBeUndefined()
  await reader.query('COMMIT')
  await dropping
  expect(await rawDays(events)).toEqual(['2026-06-01'])
  await reader.query('BEGIN; SELECT FROM events')
  all.setNow(new Date('2026-07-15T00:00:00Z'))
  await letGo(14, 2)
  expect([await rawDays(events), await rawFrom(events, 0)]).toEqual([['2026-06-01'], '2026-05-01'])
  await reader.query('COMMIT')
  reader.release()
  await letGo(14)
  expect(await rawDays(events)).toEqual([])
})

test('the serving role can drop months by the function only, and only past ones', async () => {
  await using all = await start()
  const { events, pool } = all
  await record(events, events.store(1), ['2026-02-01'])
  for (const statement of [
    'DROP TABLE events_y2026m02',
    'ALTER TABLE events DETACH PARTITION events_y2026m02',
    'TRUNCATE events',
    'DELETE FROM retention',
  ])
    await expect(pool.query(statement)).rejects.toThrow(/must be owner|permission denied/)
  await expect(pool.query('SELECT drop_months(CURRENT_DATE + 2)')).rejects.toThrow('has not come yet')
  await expect(pool.query('SELECT drop_months(NULL)')).rejects.toThrow('has not come yet')
  const today = new Date()
  await pool.query('SELECT ensure_month($1::date)', [today])
  await pool.query('SELECT drop_months(CURRENT_DATE)')
  expect(await partitionsOf(events)).toContain(`events_y${today.toISOString().slice(0, 7).replace('-', 'm')}`)
})

test('a clock far ahead of the database deletes nothing', async () => {
  await using all = await start()
  const { events, letGo } = all
  await record(events, events.store(1), ['2026-06-10'])
  await settings(events, 1, 30, 1)
  all.setNow(new Date(Date.now() + 3 * 86_400_000))
  await letGo(1)
  expect([await rawDays(events), await rawFrom(events, 0)]).toEqual([['2026-06-10'], undefined])
})

test('ranges that need deleted events are refused, and no others', async () => {
  await using all = await start()
  const { events, pool, letGo } = all
  await record(events, events.store(1), ['2026-02-10', '2026-05-10'])
  await record(events, events.store(2), ['2026-05-10'])
  const refusal = (scope: number | number[] | null, from: string | null, to?: string) =>
    requireRetained(pool, scope, from, to).then(
      () => null,
      (error: unknown) => [(error as DomainError).code, (error as DomainError).message],
    )
  expect(await refusal(null, null)).toBeNull()
  await letGo(60)
  const notRetained = [
    'RANGE_NOT_RETAINED',
    'from: raw events before 2026-04-01 are no longer kept, and this range cannot be answered without them',
  ]
  expect(await refusal(1, '2026-02-01')).toEqual(notRetained)
  expect(await refusal(1, null)).toEqual(notRetained)
  expect(await refusal(null, '2026-02-10')).toEqual(notRetained)
  expect(await refusal([2, 1], '2026-01-01', '2026-02-11')).toEqual(notRetained)
  // Without events on the days in question the answer is correct.
  expect(await refusal(1, '2026-02-11')).toBeNull()
  expect(await refusal(1, '2026-01-01', '2026-02-10')).toBeNull()
  expect(await refusal(2, null)).toBeNull()
  expect(await refusal(1, '2026-04-01')).toBeNull()
})

test('a store with a shorter retention time loses its raw events by days, its totals stay, others are unchanged', async () => {
  await using all = await start()
  const { events, letGo } = all
  const [own, other] = [events.store(1), events.store(2)]
  for (const caller of [own, other])
    for (const user of ['ann', 'bob']) await record(events, caller, days.slice(0, -1), user)
  const before = await amounts(events, own)
  await settings(events, 1, 45, 5)
  await settings(events, 1, 10, 4)
  await letGo(0)
  expect(await rawFrom(events, 1)).toBe('2026-05-01')
  expect(await rawDays(events)).toEqual(['2026-05-01'])
  for (const table of ['user_days', 'user_type_days'])
    expect(await daysIn(events, table)).toEqual(['2026-05-01'])
  expect(await rawDays(events, 2)).toEqual(days.slice(0, -1))
  expect(await amounts(events, own)).toEqual(before)
  expect((await record(events, own, ['2026-04-30', '2026-05-01'])).acceptedCount).toBe(1)
  expect((await record(events, other, ['2026-04-30'])).acceptedCount).toBe(1)
  await expect(requireRetained(all.pool, 1, '2026-04-30')).rejects.toMatchObject({
    code: 'RANGE_NOT_RETAINED',
  })
  await requireRetained(all.pool, 2, null)
  // A longer time from now on restores nothing, and old events stay refused.
  await settings(events, 1, null, 6)
  await letGo(0)
  expect((await record(events, own, ['2026-04-30'])).acceptedCount).toBe(0)
})

test('a sweep in chunks is continued by the next run after an interruption', async () => {
  await using all = await start()
  const { events, pool } = all
  await events.owner.query(`SELECT ensure_month('2026-03-01')`)
  await events.owner.query(
    `WITH e AS (SELECT 'u' || n % 11000 AS user_id FROM generate_series(1, 25000) n),
          raw AS (INSERT INTO events (store_id, occurred_at, user_id, type, data, created_at)
                  SELECT 1, '2026-03-05T00:00:00Z', user_id, 'view', '{}', now() FROM e),
          types AS (INSERT INTO user_type_days SELECT 1, 'view', '2026-03-05', user_id, count(*) FROM e GROUP BY user_id)
     INSERT INTO user_days SELECT 1, '2026-03-05', user_id, count(*) FROM e GROUP BY user_id`,
  )
  await all.letGo(0)
  await settings(events, 1, 30, 1)
  let steps = 0
  const run = (limit: number) =>
    createRetention({ db: eventsDbOver(pool), clock: () => now, log, days: 0 }).run(
      () => (steps += 1) > limit,
    )
  await run(3)
  const left = (await events.owner.query('SELECT FROM events')).rowCount ?? 0
  expect(left).toBeGreaterThan(0)
  expect(left).toBeLessThan(25_000)
  steps = 0
  await run(100)
  for (const table of ['events', 'user_days', 'user_type_days'])
    expect([table, (await events.owner.query(`SELECT FROM ${table}`)).rowCount]).toEqual([table, 0])
})

test('erasing a user deletes the kept events; totals of dropped days stay', async () => {
  await using all = await start()
  const { events, letGo } = all
  const store = events.store(1)
  for (const user of ['ann', 'bob'])
    await record(events, store, ['2026-02-10', '2026-04-10', '2026-05-10'], user)
  await settings(events, 1, 45, 1)
  await letGo(90)
  // As if the sweep had stopped half way through a day.
  await events.owner.query(
    `WITH raw AS (INSERT INTO events (store_id, occurred_at, user_id, type, data, created_at)
                  VALUES (1, '2026-04-10T00:00:00Z', 'ann', 'view', '{}', now()))
     INSERT INTO user_days VALUES (1, '2026-04-10', 'ann', 1), (1, '2026-04-11', 'ann', 1)`,
  )
  const erased = await events.graphql(
    events.service,
    'mutation { applyUserErasure(input: { commandId: 9, storeId: 1, userId: "ann" }) { eventsDeleted } }',
  )
  expect(erased.body.data.applyUserErasure.eventsDeleted).toBe(2)
  expect((await events.owner.query(`SELECT FROM user_days WHERE user_id = 'ann'`)).rowCount).toBe(0)
  expect(await amounts(events, store)).toEqual([
    { date: '2026-05-10', event_amount: 1 },
    { date: '2026-04-10', event_amount: 2 },
    { date: '2026-02-10', event_amount: 2 },
  ])
  await events.graphql(
    events.service,
    'mutation { applyStoreDeletion(input: { commandId: 10, storeId: 1 }) { eventsDeleted } }',
  )
  for (const table of [
    'events',
    'day_totals',
    'type_day_totals',
    'quarter_totals',
    'user_days',
    'user_type_days',
    'store_settings',
  ])
    expect([table, (await events.owner.query(`SELECT FROM ${table}`)).rowCount]).toEqual([table, 0])
})
