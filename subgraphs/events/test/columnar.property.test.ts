import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { TestDatabase, TestPostgres } from '@user-stats/postgres/testing'
import { eventsSchema } from '@user-stats/prisma-events'
import { launchProcess } from '../src/modules/analytics/columnar/columnar-process.ts'
import { seriesQuery } from './analytics-support.ts'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

const now = new Date('2026-06-15T12:00:00Z')
let server: TestPostgres
let database: TestDatabase
let dir: string
let columnar: Harness
let postgres: Harness
let engine: ChildProcess | undefined
beforeAll(async () => {
  server = await startDatabaseServer()
  database = await server.createDatabase(eventsSchema)
  dir = await mkdtemp(path.join(os.tmpdir(), 'segments-'))
  // Two services on one database: one reads segments, the other does not.
  columnar = await startEvents(server, {
    now,
    database,
    env: { ANALYTICS_CACHE_DIR: dir },
    columnar: { minEvents: 0, launch: () => (engine = launchProcess()) },
    steps: { userBatch: 3, storeBatch: 4 },
  })
  postgres = await startEvents(server, { now, database, maintain: false })
})
afterAll(async () => {
  await columnar[Symbol.asyncDispose]()
  await postgres[Symbol.asyncDispose]()
  await server.stop()
  await rm(dir, { recursive: true })
})

const dayMs = 86_400_000
const midnight = Date.parse('2026-06-10T00:00:00Z')

const value = fc.oneof(
  fc.constantFrom(
    1,
    2.5,
    -3,
    10,
    0.1,
    0.2,
    0.3,
    19.99,
    1e21,
    1e-9,
    123_456_789.123_456,
    9_007_199_254_740_991,
  ),
  fc.constantFrom('5', 'a', '', 'null', '"quoted", and\nmore', 'Ünïcode', '1'),
  fc.constantFrom(null, true, false, { a: 1 }, [1, 'x'], {}),
)
const sent = fc.record({
  type: fc.constantFrom('view', 'cart', 'buy', 'odd, "type"'),
  userId: fc.constantFrom('ann', 'bob', 'cem', 'dua', 'eve'),
  at: fc
    .oneof(fc.integer({ min: -30 * 96, max: 4 * 96 }), fc.integer({ min: -96, max: 0 }))
    .map((quarter) => quarter * 900_000),
  data: fc.oneof(
    fc.record({ price: value, plan: value }, { requiredKeys: [] }),
    fc.record({
      price: fc.integer({ min: -500, max: 5_000 }).map((cents) => cents / 100),
      items: fc.array(value, { maxLength: 3 }),
    }),
  ),
  key: fc.option(fc.constantFrom('k1', 'k2', 'k3'), { freq: 3 }),
})
type Sent = typeof sent extends fc.Arbitrary<infer T> ? T : never

const userId = fc.constantFrom('ann', 'bob', 'cem', 'dua')
const change = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      events: fc.array(sent, { minLength: 1, maxLength: 20 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), userId }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('erase' as const), userId, anonymise: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'clear' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'crash' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'lose' as const }) },
)

const paths = fc.constantFrom('$.price', '$.plan', '$.items[0]', '$.items', '$.plan.a', "$['none']")
const condition = fc.oneof(
  fc.record({
    path: paths,
    equals: fc.constantFrom<unknown>(1, 2.5, '5', 'a', true, 0.1, '"quoted", and\nmore', ''),
  }),
  fc.record({
    path: paths,
    in: fc.array(fc.constantFrom<unknown>(1, null, 'a', false, 10, 1e21), { maxLength: 3 }),
  }),
  fc.record({ path: paths, exists: fc.boolean() }),
  fc.record({ path: paths, greaterThan: fc.constantFrom(-3, 2, 0.1) }),
  fc.record({ path: paths, lessOrEqual: fc.constantFrom(10, 1e-9, 19.99) }),
)
const filter = fc.record({
  types: fc.option(fc.subarray(['view', 'buy', 'odd, "type"'], { minLength: 1 })),
  from: fc.oneof(
    fc.integer({ min: -30, max: 2 }).map((day) => day * dayMs),
    fc.integer({ min: -30 * dayMs, max: 0 }),
  ),
  length: fc.oneof(
    fc.integer({ min: 1, max: 20 }).map((days) => days * dayMs),
    fc.integer({ min: 1, max: 10 * dayMs }),
  ),
  data: fc.option(fc.array(condition, { minLength: 1, maxLength: 2 })),
})
const timeZone = fc.constantFrom('UTC', 'UTC', 'Europe/Berlin', 'Asia/Kathmandu', 'Australia/Lord_Howe')
const question = fc.oneof(
  fc.record({
    kind: fc.constant('series' as const),
    filter,
    granularity: fc.constantFrom('HOUR', 'DAY', 'DAY', 'WEEK', 'MONTH'),
    timeZone,
    groupBy: fc.option(
      fc.oneof(
        fc.record({ by: fc.constantFrom('TYPE', 'STORE'), top: fc.integer({ min: 1, max: 4 }) }),
        fc.record({ by: fc.constant('DATA'), path: paths, top: fc.integer({ min: 1, max: 4 }) }),
      ),
    ),
    statisticsOf: fc.option(
      fc.record({ path: paths, percentiles: fc.constantFrom([], [0.5], [0, 0.1, 0.333, 0.95, 1]) }),
    ),
    compare: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('funnel' as const),
    filter,
    steps: fc.array(
      fc.record({
        types: fc.option(fc.subarray(['view', 'cart', 'buy'], { minLength: 1 })),
        data: fc.option(fc.tuple(condition)),
      }),
      { minLength: 2, maxLength: 4 },
    ),
    withinSeconds: fc.constantFrom(1, 3_600, 86_400, 864_000),
  }),
  fc.record({
    kind: fc.constant('retention' as const),
    filter,
    weeks: fc.integer({ min: 1, max: 5 }),
    lookBackDays: fc.option(fc.constantFrom(1, 20)),
    timeZone,
  }),
)
type Question = typeof question extends fc.Arbitrary<infer T> ? T : never

const funnelQuery = `query($filter: EventFilterInput!, $steps: [FunnelStepInput!]!, $withinSeconds: Int!) {
  funnel(filter: $filter, steps: $steps, withinSeconds: $withinSeconds) { from to steps { users conversion } } }`
const retentionQuery = `query($filter: EventFilterInput!, $weeks: Int!, $lookBackDays: Int, $timeZone: String!) {
  retention(filter: $filter, weeks: $weeks, lookBackDays: $lookBackDays, timeZone: $timeZone) {
    from to cohorts { label users weeks { week users rate } } } }`

async function ask(
  events: Harness,
  storeIds: readonly number[],
  { kind, filter: { from, length, ...rest }, ...asked }: Question,
) {
  const filterOf = {
    ...rest,
    storeIds,
    from: new Date(midnight + from),
    to: new Date(midnight + from + length),
  }
  const query = { series: seriesQuery.replace('asOf ', ''), funnel: funnelQuery, retention: retentionQuery }[
    kind
  ]
  const { body } = await events.graphql(events.admin, query, { ...asked, filter: filterOf })
  return body
}

async function record(storeId: number, events: readonly Sent[]): Promise<void> {
  const { body } = await columnar.graphql(
    columnar.store(storeId),
    'mutation($input: RecordEventsInput!) { recordEvents(input: $input) { rejectedCount } }',
    {
      input: {
        events: events.map(({ at, key, ...event }) => ({
          ...event,
          idempotencyKey: key,
          occurredAt: new Date(midnight + at).toISOString(),
        })),
      },
    },
  )
  expect(body.errors).toBeUndefined()
}

async function countsOf(events: Harness): Promise<{ answered: number; failed: number }> {
  const text = await events.metrics()
  const read = (name: string): number => Number(new RegExp(`^${name}\\{.*\\} (\\d+)$`, 'm').exec(text)?.[1])
  return { answered: read('analytics_columnar_answered'), failed: read('analytics_columnar_failed') }
}

let nextStore = 1_000
let nextCommand = 1

async function apply(
  storeId: number,
  step: typeof change extends fc.Arbitrary<infer T> ? T : never,
): Promise<void> {
  switch (step.kind) {
    case 'record':
      await record(storeId, step.events)
      return
    case 'delete':
    case 'clear': {
      const which = step.kind === 'delete' ? step.userId : `by-store/${String(storeId)}`
      await columnar.send('DELETE', `/api/event/${which}`, columnar.store(storeId))
      return
    }
    case 'erase': {
      const events = step.anonymise ? 'ANONYMISE' : 'ERASE'
      await columnar.graphql(
        columnar.service,
        'mutation($input: ApplyUserErasureInput!) { applyUserErasure(input: $input) { finished } }',
        { input: { commandId: nextCommand++, storeId, userId: step.userId, events } },
      )
      return
    }
    case 'crash':
      if (engine?.kill('SIGKILL')) await once(engine, 'exit')
      return
    case 'lose':
      for (const name of await readdir(path.join(dir, String(storeId))).catch(() => []))
        await rm(path.join(dir, String(storeId), name), { force: true })
  }
}

test('segments and PostgreSQL give the same answers, whatever is written, removed, lost or crashes between them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(
          fc.nat(1),
          fc.array(change, { minLength: 1, maxLength: 3 }),
          fc.array(question, { minLength: 1, maxLength: 3 }),
        ),
        {
          minLength: 1,
          maxLength: 6,
        },
      ),
      async (rounds) => {
        const stores = [nextStore++, nextStore++]
        for (const storeId of stores) await columnar.introduce(storeId)
        const before = await countsOf(columnar)
        for (const [which, changes, questions] of rounds) {
          for (const step of changes) await apply(stores[which] ?? 0, step)
          for (const asked of questions) {
            const expected = await ask(postgres, stores, asked)
            expect([asked, await ask(columnar, stores, asked)]).toEqual([asked, expected])
          }
        }
        const steps = rounds.flatMap(([, changes]) => changes)
        // What is lost or crashes may take the answer of a question with it; nothing else does.
        if (!steps.some(({ kind }) => kind === 'crash' || kind === 'lose'))
          expect((await countsOf(columnar)).failed).toBe(before.failed)
      },
    ),
    { numRuns: 30, endOnFailure: true },
  )
  expect((await countsOf(columnar)).answered).toBeGreaterThan(50)
})
