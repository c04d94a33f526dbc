import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import type { Answer } from '@user-stats/testing/http-client'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startDatabaseServer()
})
afterAll(async () => {
  await server.stop()
})

/** Holds a database lock until it is released. */
async function hold(events: Harness, statement: string): Promise<AsyncDisposable> {
  const client = await events.owner.connect()
  await client.query(`BEGIN; ${statement}`)
  let letGo: Promise<void> | undefined
  return {
    [Symbol.asyncDispose]: () =>
      (letGo ??= client.query('ROLLBACK').then(() => {
        client.release()
      })),
  }
}
/** Writers of the store wait. */
const holdingStore = (storeId: number): string => `SELECT pg_advisory_xact_lock(7301, ${String(storeId)})`
const storeHeld = holdingStore(1)
/** Every request that checks its caller's access waits. */
const accessHeld = 'LOCK TABLE store_access IN ACCESS EXCLUSIVE MODE'

const record = (events: Harness, key: string, storeId = 1): Promise<Answer> =>
  events.send(
    'POST',
    '/api/event',
    events.admin,
    { type: 'slow', user_id: 'u', store_id: storeId, data: {} },
    { 'idempotency-key': key },
  )
const recordMany = (events: Harness, name: string, count: number, storeId = 1): Promise<Answer> =>
  events.graphql(
    events.admin,
    'mutation($input: RecordEventsInput!) { recordEvents(input: $input) { acceptedCount } }',
    {
      input: {
        events: Array.from({ length: count }, (_, n) => ({
          storeId,
          type: name,
          userId: `u${String(n)}`,
          data: {},
        })),
      },
    },
  )
const amountOf = async (events: Harness, type: string): Promise<number> => {
  const { body } = await events.send('GET', `/api/event/amount/${type}`, events.admin)
  return (body as { event_amount: number }[]).reduce((sum, { event_amount: n }) => sum + n, 0)
}
const refusalOf = ({ status, headers, body }: Answer) => [
  status,
  body.code ?? body.errors[0].extensions.code,
  headers.get('retry-after'),
]
const refused = (code: string) => [503, code, '1']

async function eventually(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`${what}: it never was`)
    await pause(10)
  }
}

/** Every batch in flight waits. */
const totalsHeld = 'LOCK TABLE type_day_totals IN EXCLUSIVE MODE'
const lockWaiters = async (events: Harness): Promise<number> => {
  const { rows } = await events.owner.query<{ count: number }>(
    "SELECT count(*)::int FROM pg_locks WHERE relation = 'type_day_totals'::regclass AND NOT granted",
  )
  return rows[0]?.count ?? 0
}
const queued = async (events: Harness): Promise<string | undefined> =>
  /^ingest_queue_events\S* (\d+)$/m.exec(await events.metrics())?.[1]

test('the queue is bounded: further events are refused at once, except those of other stores, and accepted ones are written', async () => {
  // Few connections: two of them write events, without spare ones for slow transactions.
  await using events = await startEvents(server, {
    queueLimit: 1_000,
    pool: { maxConnections: 6 },
  })
  await events.introduce(1)
  await events.introduce(2)
  await record(events, 'before')
  await using held = await hold(events, totalsHeld)
  // Two batches are being written, and wait; a thousand events are queued behind them.
  const taken = [recordMany(events, 'taken', 1_000), recordMany(events, 'taken', 1_000)]
  await eventually('both batches wait for the lock', async () => (await lockWaiters(events)) === 2)
  taken.push(recordMany(events, 'taken', 1_000))
  await eventually('a batch is queued', async () => (await queued(events)) === '1000')
  for (let n = 0; n < 20; n += 1) {
    expect(refusalOf(await record(events, `refused ${String(n)}`))).toEqual(refused('QUEUE_FULL'))
    expect(refusalOf(await recordMany(events, 'refused', 1_000))).toEqual(refused('QUEUE_FULL'))
  }
  // The share of another store is half.
  const ofOther = recordMany(events, 'other', 500, 2)
  await eventually('they are queued', async () => (await queued(events)) === '1500')
  expect(refusalOf(await record(events, 'refused', 2))).toEqual(refused('QUEUE_FULL'))
  await held[Symbol.asyncDispose]()
  for (const { body } of await Promise.all(taken)) expect(body.data.recordEvents.acceptedCount).toBe(1_000)
  expect((await ofOther).body.data.recordEvents.acceptedCount).toBe(500)
  expect([await amountOf(events, 'taken'), await amountOf(events, 'refused')]).toEqual([3_000, 0])
  expect((await record(events, 'after')).status).toBe(201)
})

test('events of locked stores wait, however many there are, and all others are written', async () => {
  await using events = await startEvents(server, { maintain: false })
  const locked = [1, 3, 4]
  for (const storeId of [...locked, 2]) await events.introduce(storeId)
  await using held = await hold(events, locked.map(holdingStore).join('; '))
  const answered: string[] = []
  const waiting = locked.map((storeId) => record(events, 'held', storeId))
  await eventually('they are queued', async () => (await queued(events)) === '3')
  expect((await record(events, 'one', 2)).status).toBe(201)
  // More than begin a transaction of their own.
  for (const storeId of locked)
    waiting.push(...Array.from({ length: 100 }, (_, n) => record(events, `held ${String(n)}`, storeId)))
  for (const answer of waiting) void answer.then(() => answered.push('held'))
  for (let n = 0; n < 20; n += 1) expect((await record(events, `other ${String(n)}`, 2)).status).toBe(201)
  // Together with events of the others in one request, too.
  const input = [1, 2].map((storeId) => ({ storeId, type: 'slow', userId: 'u', data: {} }))
  const both = events.graphql(
    events.admin,
    'mutation($input: RecordEventsInput!) { recordEvents(input: $input) { acceptedCount } }',
    { input: { events: input } },
  )
  void both.then(() => answered.push('both'))
  await eventually('the first of both is recorded', async () => (await amountOf(events, 'slow')) === 22)
  expect([answered, await queued(events)]).toEqual([[], String(3 * 101 + 1)])
  await held[Symbol.asyncDispose]()
  expect(new Set((await Promise.all(waiting)).map(({ status }) => status))).toEqual(new Set([201]))
  expect((await both).body.data.recordEvents.acceptedCount).toBe(2)
  expect(await amountOf(events, 'slow')).toBe(3 * 101 + 22 + 1)
})

test('during a slow transaction of one store, events of other stores are written and its own wait', async () => {
  await using events = await startEvents(server, { maintain: false })
  await events.introduce(1)
  await events.introduce(2)
  for (const storeId of [1, 2]) await record(events, 'before', storeId)
  await using held = await hold(events, 'SELECT FROM day_totals WHERE store_id = 1 FOR UPDATE')
  const answered: string[] = []
  const waiting = Array.from({ length: 100 }, (_, n) => record(events, `held ${String(n)}`))
  for (const answer of waiting) void answer.then(() => answered.push('held'))
  for (let n = 0; n < 20; n += 1) expect((await record(events, `other ${String(n)}`, 2)).status).toBe(201)
  expect(answered).toEqual([])
  await held[Symbol.asyncDispose]()
  expect(new Set((await Promise.all(waiting)).map(({ status }) => status))).toEqual(new Set([201]))
})

test('the first event of a month is recorded during reads, and blocks no other event until its partition is created', async () => {
  await using events = await startEvents(server, { maintain: false })
  await events.introduce(1)
  await events.introduce(2)
  const inMonth = (storeId: number, occurredAt?: string): Promise<Answer> =>
    events.send('POST', '/api/event', events.store(storeId), {
      type: 'slow',
      user_id: 'u',
      data: {},
      ...(occurredAt !== undefined && { occurred_at: occurredAt }),
    })
  expect((await inMonth(1)).status).toBe(201)
  const reading = await hold(events, 'SELECT FROM events, user_days, user_type_days')
  expect((await inMonth(1, '2025-01-10T00:00:00Z')).status).toBe(201)
  // As if another replica were creating one.
  await using held = await hold(events, `SELECT pg_advisory_xact_lock(hashtext('ensure_month'))`)
  const answered: string[] = []
  const waiting = ['2024-01-10T00:00:00Z', '2024-02-10T00:00:00Z'].map((day) => inMonth(1, day))
  for (const answer of waiting) void answer.then(() => answered.push('of a new month'))
  await eventually('they are queued', async () => (await queued(events)) === '2')
  for (let n = 0; n < 20; n += 1)
    for (const storeId of [1, 2]) expect((await inMonth(storeId)).status).toBe(201)
  expect(answered).toEqual([])
  await held[Symbol.asyncDispose]()
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([201, 201])
  await reading[Symbol.asyncDispose]()
})

test('of two events with one key the first is recorded, also when its partition must be created first', async () => {
  await using events = await startEvents(server, { maintain: false })
  await events.introduce(1)
  expect((await record(events, 'before')).status).toBe(201)
  await using held = await hold(events, `SELECT pg_advisory_xact_lock(hashtext('ensure_month'))`)
  const recorded = events.graphql(
    events.store(1),
    `mutation($input: RecordEventsInput!) { recordEvents(input: $input) {
      results { duplicate event { type } error { code } }
    } }`,
    {
      input: {
        events: [
          { type: 'first', userId: 'u', data: {}, idempotencyKey: 'key', occurredAt: '2024-03-10T00:00:00Z' },
          { type: 'second', userId: 'u', data: {}, idempotencyKey: 'key' },
        ],
      },
    },
  )
  await eventually('both are queued', async () => (await queued(events)) === '2')
  await held[Symbol.asyncDispose]()
  expect((await recorded).body.data.recordEvents.results).toEqual([
    { duplicate: false, event: { type: 'first' }, error: null },
    { duplicate: false, event: null, error: { code: 'IDEMPOTENCY_KEY_REUSED' } },
  ])
})

test('an event whose partition was dropped by others gets a new one', async () => {
  await using events = await startEvents(server, { maintain: false })
  await events.introduce(1)
  const old = { type: 'slow', user_id: 'u', data: {}, occurred_at: '2023-05-10T00:00:00Z' }
  const store = events.store(1)
  expect((await events.send('POST', '/api/event', store, old)).status).toBe(201)
  // A restored database, for example.
  for (const table of ['events', 'user_type_days', 'user_days'])
    await events.owner.query(`DROP TABLE ${table}_y2023m05`)
  expect((await events.send('POST', '/api/event', store, old)).status).toBe(201)
  const { rows } = await events.owner.query('SELECT tableoid::regclass::text AS partition FROM events')
  expect(rows).toEqual([{ partition: 'events_y2023m05' }])
})

test('events delayed by a slow database are answered in time, and repeating them records them once', async () => {
  await using events = await startEvents(server, { env: { REQUEST_TIMEOUT_MS: '500' } })
  await events.introduce(1)
  await using held = await hold(events, storeHeld)
  const keys = Array.from({ length: 30 }, (_, n) => `key ${String(n)}`)
  // All are answered while nothing can be written.
  for (const answer of await Promise.all(keys.map((key) => record(events, key))))
    expect(refusalOf(answer)).toEqual(refused('DATABASE_UNAVAILABLE'))
  await held[Symbol.asyncDispose]()
  for (const key of keys)
    await eventually('it is recorded', async () => (await record(events, key)).status === 201)
  expect(await amountOf(events, 'slow')).toBe(keys.length)
})

test('requests of a store beyond its share of the connections and of their queue are refused at once, those of others are not', async () => {
  await using events = await startEvents(server, {
    pool: { maxConnections: 6, maxWaiting: 8 },
    maintain: false,
  })
  await events.introduce(1)
  await using held = await hold(events, accessHeld)
  const request = (storeId: number, statuses: number[]) => async (): Promise<void> => {
    const answer = await events.send('GET', '/api/event/amount/any', events.store(storeId))
    statuses.push(answer.status)
    if (answer.status !== 200) expect(refusalOf(answer)).toEqual(refused('DATABASE_UNAVAILABLE'))
  }
  const statuses: number[] = []
  const requests = Array.from({ length: 40 }, request(1, statuses))
  // Half of the four connections that do not write events are theirs.
  await eventually('all but those who wait are refused', () => statuses.length === 40 - 2 - 8)
  expect(new Set(statuses)).toEqual(new Set([503]))
  const ofOthers: number[] = []
  requests.push(
    ...Array.from({ length: 4 }, request(2, ofOthers)),
    ...Array.from({ length: 4 }, request(3, ofOthers)),
  )
  await held[Symbol.asyncDispose]()
  await Promise.all(requests)
  expect(ofOthers).toEqual(Array.from({ length: 8 }, () => 200))
  await request(1, statuses)()
  expect(statuses.at(-1)).toBe(200)
})

test('long lists of entities of one store take one connection each, and half of them together', async () => {
  await using events = await startEvents(server, { maintain: false })
  await events.introduce(1)
  await events.introduce(2)
  await record(events, 'one')
  await using held = await hold(events, 'LOCK TABLE events IN ACCESS EXCLUSIVE MODE')
  const running = async (): Promise<number> => {
    const { rows } = await events.owner.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_locks WHERE relation = 'events'::regclass AND NOT granted`,
    )
    return rows[0]?.n ?? 0
  }
  const representations = Array.from({ length: 600 }, (_, n) => ({
    __typename: 'User',
    storeId: 1,
    ref: n === 0 ? 'u' : `user ${String(n)}`,
  }))
  const store = events.store(1)
  const list = (): Promise<Answer> =>
    events.graphql(
      store,
      'query($representations: [_Any!]!) { _entities(representations: $representations) { ... on User { eventCount } } }',
      { representations },
    )
  const lists = [list()]
  await eventually('one statement is running', async () => (await running()) === 1)
  lists.push(...Array.from({ length: 20 }, list))
  await eventually('half of the connections are busy', async () => (await running()) === 7)
  for (let n = 0; n < 5; n += 1)
    expect((await events.send('GET', '/api/event/amount/slow', events.store(2))).status).toBe(200)
  expect(await running()).toBe(7)
  await held[Symbol.asyncDispose]()
  for (const { body } of await Promise.all(lists))
    expect(body.data._entities.map(({ eventCount: count }: { eventCount: number }) => count)).toEqual([
      1,
      ...Array.from({ length: 599 }, () => 0),
    ])
})

test('a statement blocked by a lock is 503, not an internal error, and is rolled back', async () => {
  await using events = await startEvents(server, {
    pool: { statementTimeout: 150 },
    env: { REQUEST_TIMEOUT_MS: '1000' },
    maintain: false,
  })
  await events.introduce(1)
  expect((await record(events, 'first')).status).toBe(201)
  {
    await using _held = await hold(events, `${accessHeld}; ${storeHeld}`)
    const read = await events.send('GET', '/api/event/amount/slow', events.admin)
    expect(refusalOf(read)).toEqual(refused('DATABASE_UNAVAILABLE'))
    expect(refusalOf(await record(events, 'second'))).toEqual(refused('DATABASE_UNAVAILABLE'))
    const deleted = await events.send('DELETE', '/api/event/u?store_id=1', events.admin)
    expect(refusalOf(deleted)).toEqual(refused('DATABASE_UNAVAILABLE'))
  }
  expect(await amountOf(events, 'slow')).toBe(1)
  expect((await record(events, 'second')).status).toBe(201)
  expect(await amountOf(events, 'slow')).toBe(2)
})

test('a database that stops responding is 503, and its connections are replaced once it responds', async () => {
  await using events = await startEvents(server, { pool: { statementTimeout: 100 }, maintain: false })
  await events.introduce(1)
  const { rows } = await events.owner.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'user-stats events' AND datname = current_database()`,
  )
  expect(rows.length).toBeGreaterThan(0)
  const signalServer = (signal: NodeJS.Signals) => {
    for (const { pid } of rows) process.kill(pid, signal)
  }
  signalServer('SIGSTOP')
  try {
    const answer = await events.send('GET', '/api/event/amount/any', events.admin)
    expect(refusalOf(answer)).toEqual(refused('DATABASE_UNAVAILABLE'))
    // Silent connections are not reused.
    expect((await events.send('GET', '/api/event/amount/any', events.admin)).status).toBe(200)
  } finally {
    signalServer('SIGCONT')
  }
})

test('when the database ends all connections, the next requests are answered without a restart', async () => {
  await using events = await startEvents(server, { maintain: false })
  await events.introduce(1)
  const terminator = new Client({ connectionString: events.database.url })
  await terminator.connect()
  for (let round = 0; round < 3; round += 1) {
    // Statements that the old connections had prepared are used again on the new ones.
    expect((await record(events, `round ${String(round)}`)).status).toBe(201)
    await terminator.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'user-stats events' AND datname = current_database()`,
    )
    await eventually(
      'it answers',
      async () => (await events.send('GET', '/api/event/amount/slow', events.admin)).status === 200,
    )
  }
  await terminator.end()
  expect(await amountOf(events, 'slow')).toBe(3)
})
