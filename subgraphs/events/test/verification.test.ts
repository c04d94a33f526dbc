import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Pool } from 'pg'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { eventsDbOver } from '@user-stats/prisma-events'
import { createLogger } from '@user-stats/http'
import type { SignedInCaller } from '@user-stats/core'
import { createRetention } from '../src/modules/retention/data-retention.ts'
import { inSnapshot } from '../src/database/snapshot.ts'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

const now = new Date('2026-06-15T12:00:00Z')
let server: TestPostgres
let events: Harness
let pool: Pool
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server, { now })
  pool = new Pool({ connectionString: events.database.url, max: 4 })
})
afterAll(async () => {
  await pool.end()
  await events[Symbol.asyncDispose]()
  await server.stop()
})

const query = `query($storeId: Int, $from: Date!, $to: Date!) {
  verifyRollups(storeId: $storeId, from: $from, to: $to) {
    asOf checkedDays skippedDays eventsCounted consistent differenceCount
    differences { storeId rollup date type userId recounted { events users } held { events users } }
  }
}`
const requestVerification = (
  caller: SignedInCaller | null,
  storeId: number | null,
  from: string,
  to: string,
) => events.graphql(caller, query, { storeId, from, to })
async function verify(storeId: number | null, from = '2026-01-01', to = '2026-12-31') {
  const { body } = await requestVerification(events.admin, storeId, from, to)
  expect(body.errors).toBeUndefined()
  return body.data.verifyRollups
}
const record = (caller: SignedInCaller, list: readonly { type: string; userId: string; day: string }[]) =>
  events.graphql(
    caller,
    'mutation($input: RecordEventsInput!) { recordEvents(input: $input) { acceptedCount } }',
    {
      input: {
        events: list.map(({ type, userId, day }) => ({ type, userId, occurredAt: `${day}T00:00:00Z` })),
      },
    },
  )

test('after records, late ones, deletions and erasures from several writers there is no difference', async () => {
  const stores = [11, 12, 13]
  for (const storeId of stores) await events.introduce(storeId)
  await Promise.all(
    Array.from({ length: 24 }, async (_, n) => {
      const storeId = stores[n % 3] ?? 0
      const caller = events.store(storeId)
      await record(
        caller,
        Array.from({ length: 30 }, (_item, at) => ({
          type: ['view', 'buy', 'Ünïcode'][(n * at) % 3] ?? '',
          userId: `user ${String((n * 7 + at * 3) % 11)}`,
          day: `2026-0${String(1 + ((n + at) % 5))}-${String(1 + ((n * at) % 27)).padStart(2, '0')}`,
        })),
      )
      if (n % 4 === 3) await events.send('DELETE', `/api/event/user%20${String(n % 11)}`, caller)
      if (n % 6 === 5)
        await events.graphql(
          events.service,
          'mutation($input: ApplyUserErasureInput!) { applyUserErasure(input: $input) { eventsDeleted } }',
          { input: { commandId: 100 + n, storeId, userId: `user ${String(n % 7)}` } },
        )
    }),
  )
  const { rows } = await events.owner.query(
    `SELECT count(*)::int AS events, count(DISTINCT (store_id, occurred_at))::int AS days FROM events`,
  )
  const all = await verify(null)
  expect(all).toEqual({
    asOf: now.toISOString(),
    checkedDays: rows[0].days,
    skippedDays: 0,
    eventsCounted: rows[0].events,
    consistent: true,
    differenceCount: 0,
    differences: [],
  })
  const parts = await Promise.all(stores.map((storeId) => verify(storeId)))
  expect(parts.reduce<number>((sum, part) => sum + Number(part.eventsCounted), 0)).toBe(rows[0].events)
})

test('a wrong row of any rollup is found, and only in the requested range and store', async () => {
  await events.introduce(21)
  await record(events.store(21), [
    { type: 'view', userId: 'ann', day: '2026-03-01' },
    { type: 'view', userId: 'bob', day: '2026-03-01' },
    { type: 'buy', userId: 'ann', day: '2026-03-02' },
  ])
  expect((await verify(21)).consistent).toBe(true)
  await events.owner.query(
    `UPDATE type_day_totals SET events = 3 WHERE store_id = 21 AND day = '2026-03-01';
     DELETE FROM day_totals WHERE store_id = 21 AND day = '2026-03-02';
     INSERT INTO user_days VALUES (21, '2026-03-01', 'ghost', 2);
     UPDATE quarter_totals SET events = 9 WHERE store_id = 21 AND type = 'view';
     UPDATE user_type_days SET events = CASE user_id WHEN 'ann' THEN 2 ELSE 0 END
       WHERE store_id = 21 AND type = 'view'`,
  )
  const result = await verify(21)
  const difference = (
    rollup: string,
    date: string,
    key: object,
    recounted: readonly [number, number],
    held: readonly [number, number],
  ) => ({
    storeId: 21,
    rollup,
    date,
    type: null,
    userId: null,
    ...key,
    recounted: { events: recounted[0], users: recounted[1] },
    held: { events: held[0], users: held[1] },
  })
  expect(result).toMatchObject({ checkedDays: 2, eventsCounted: 3, consistent: false, differenceCount: 6 })
  expect(result.differences).toEqual([
    difference('QUARTER_TOTALS', '2026-03-01', { type: 'view' }, [2, 0], [9, 0]),
    difference('TYPE_DAY_TOTALS', '2026-03-01', { type: 'view' }, [2, 2], [3, 2]),
    difference('USER_DAYS', '2026-03-01', { userId: 'ghost' }, [0, 0], [2, 1]),
    difference('USER_TYPE_DAYS', '2026-03-01', { type: 'view', userId: 'ann' }, [1, 1], [2, 1]),
    difference('USER_TYPE_DAYS', '2026-03-01', { type: 'view', userId: 'bob' }, [1, 1], [0, 1]),
    difference('DAY_TOTALS', '2026-03-02', {}, [1, 1], [0, 0]),
  ])
  expect((await verify(21, '2026-03-03', '2026-04-01')).consistent).toBe(true)
  expect((await verify(21, '2026-03-02', '2026-03-03')).differenceCount).toBe(1)
  await events.introduce(22)
  expect((await verify(22)).consistent).toBe(true)
})

test('the first thousand differences are listed, all are counted', async () => {
  await events.introduce(23)
  await events.owner.query(
    `INSERT INTO user_days SELECT 23, '2026-02-02', 'u' || n, 1 FROM generate_series(1, 1200) n`,
  )
  const result = await verify(23)
  expect([result.differenceCount, result.differences.length]).toEqual([1_200, 1_000])
})

test('days whose raw events are deleted are skipped, not reported as differences', async () => {
  await using own = await startEvents(server, { now })
  const served = new Pool({ connectionString: own.database.url, max: 4 })
  const input = (userId: string) => ({
    input: {
      events: ['2026-02-10', '2026-04-10', '2026-04-20', '2026-05-10'].map((day) => ({
        type: 'view',
        userId,
        occurredAt: `${day}T10:00:00Z`,
      })),
    },
  })
  for (const storeId of [1, 2]) {
    await own.introduce(storeId)
    await own.graphql(
      own.store(storeId),
      'mutation($input: RecordEventsInput!) { recordEvents(input: $input) { acceptedCount } }',
      input('ann'),
    )
  }
  await own.graphql(
    own.service,
    'mutation { applyStoreSettings(input: { commandId: 1, storeId: 2, retentionDays: 60 }) { eventsDeleted } }',
  )
  const log = createLogger({ name: 'events', level: 'silent' })
  const retention = createRetention({ db: eventsDbOver(served), clock: () => now, log, days: 90 })
  while (!(await retention.run(() => false)));
  await served.end()
  const { body } = await own.graphql(own.admin, query, { from: '2026-01-01', to: '2026-12-31' })
  expect(body.data.verifyRollups).toMatchObject({
    // February of both by months, 10 April of the second by its own setting.
    skippedDays: 3,
    checkedDays: 5,
    eventsCounted: 5,
    consistent: true,
  })
  const skipped = await own.graphql(own.admin, query, { from: '2026-01-01', to: '2026-02-11' })
  expect(skipped.body.data.verifyRollups).toMatchObject({ skippedDays: 2, checkedDays: 0, consistent: true })
})

test('during writes and a drop of months, each recount sees whole transactions only', async () => {
  await using own = await startEvents(server, { now })
  const served = new Pool({ connectionString: own.database.url, max: 4 })
  const log = createLogger({ name: 'events', level: 'silent' })
  const retention = createRetention({ db: eventsDbOver(served), clock: () => now, log, days: 60 })
  const state = { writing: true }
  const write = (storeId: number, n: number) =>
    own.graphql(
      own.store(storeId),
      'mutation($input: RecordEventsInput!) { recordEvents(input: $input) { acceptedCount } }',
      {
        input: {
          events: ['2026-02-10', '2026-03-10', '2026-05-10'].map((day, at) => ({
            type: 'view',
            userId: `user ${String((n * 3 + at) % 13)}`,
            occurredAt: `${day}T10:00:00Z`,
          })),
        },
      },
    )
  // Of each month something is there before any month goes.
  await Promise.all([write(1, 0), write(2, 0)])
  const writers = [1, 2].map(async (storeId) => {
    for (let n = 1; n < 40; n += 1) await write(storeId, n)
  })
  const done = Promise.all(writers).then(() => {
    state.writing = false
  })
  const verdicts: unknown[] = []
  while (state.writing) {
    const { body } = await own.graphql(own.admin, query, { from: '2026-01-01', to: '2026-12-31' })
    verdicts.push(body.data.verifyRollups.differences)
    if (verdicts.length % 5 === 0) await retention.run(() => false)
  }
  await done
  while (!(await retention.run(() => false)));
  await served.end()
  expect(verdicts.length).toBeGreaterThan(5)
  expect(verdicts.flat()).toEqual([])
  const { body } = await own.graphql(own.admin, query, { from: '2026-01-01', to: '2026-12-31' })
  expect(body.data.verifyRollups).toMatchObject({ consistent: true, checkedDays: 2, skippedDays: 4 })
})

test.each([
  [() => null, 'UNAUTHENTICATED'],
  [() => events.store(21), 'FORBIDDEN'],
  [() => events.analyst(), 'GRAPHQL_VALIDATION_FAILED'],
  [() => events.service, 'FORBIDDEN'],
])('only admins may verify', async (caller, code) => {
  const { body } = await requestVerification(caller(), 21, '2026-01-01', '2026-01-02')
  expect(body.errors[0].extensions.code).toBe(code)
})

test.each([
  ['2026-01-02', '2026-01-02', 'to: must be after from'],
  ['2026-01-01', '2027-02-06', 'to: must not be more than 400 days after from'],
])('the range from %s to %s is refused', async (from, to, message) => {
  const { body } = await requestVerification(events.admin, null, from, to)
  expect(body.errors[0]).toMatchObject({ message, extensions: { code: 'BAD_USER_INPUT', field: 'to' } })
})

test('an unknown store is not found', async () => {
  const { body } = await requestVerification(events.admin, 99, '2026-01-01', '2026-01-02')
  expect(body.errors[0].extensions.code).toBe('STORE_NOT_FOUND')
})

test('a recount that takes too long is cancelled with a code of its own, and the connection is reusable', async () => {
  await expect(inSnapshot(pool, 50, (client) => client.query('SELECT pg_sleep(20)'))).rejects.toMatchObject({
    code: 'QUERY_TOO_EXPENSIVE',
  })
  const { rows } = await pool.query('SHOW statement_timeout')
  expect(rows).toEqual([{ statement_timeout: '0' }])
})
