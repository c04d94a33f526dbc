import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import type { SignedInCaller } from '@user-stats/core'
import type { Answer } from '@user-stats/testing/http-client'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startDatabaseServer()
})
afterAll(async () => {
  await server.stop()
})

const now = new Date('2026-06-15T12:00:00Z')
const old = '2020-01-10'

/**
 * Stores with many events of an old month, whose partition is locked: analyses of it run until it is
 * unlocked.
 */
async function start(stores: readonly number[]) {
  const events = await startEvents(server, {
    now,
    maintain: false,
    // No test here depends on a time limit of the service.
    env: { REQUEST_TIMEOUT_MS: '600000' },
  })
  for (const storeId of stores) {
    await events.introduce(storeId)
    await events.send('POST', '/api/event', events.store(storeId), { type: 'view', user_id: 'ann', data: {} })
  }
  await events.owner.query(`SELECT ensure_month('${old}')`)
  await events.owner.query(
    `INSERT INTO day_totals SELECT store_id, '${old}', 1000000, 1 FROM unnest($1::int[]) AS store_id`,
    [stores],
  )
  const holder = await events.owner.connect()
  await holder.query('BEGIN; LOCK TABLE events_y2020m01 IN ACCESS EXCLUSIVE MODE')
  return {
    events,
    /** Analyses that have begun and wait for the old month. */
    running: async (): Promise<number> => {
      const { rows } = await events.owner.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM pg_locks WHERE relation = 'events_y2020m01'::regclass AND NOT granted`,
      )
      return rows[0]?.n ?? 0
    },
    letGo: () => holder.query('ROLLBACK'),
    async [Symbol.asyncDispose]() {
      await holder.query('ROLLBACK')
      holder.release()
      await events[Symbol.asyncDispose]()
    },
  }
}

/** Reads the locked month. */
const large = (
  events: Harness,
  caller: SignedInCaller,
  headers: Record<string, string> = {},
): Promise<Answer> => {
  const query = `{ eventSeries(filter: { fromDay: "2020-01-01", toDay: "2020-02-01" }, granularity: DAY,
                               timeZone: "Asia/Kathmandu") { totals { users } } }`
  return events.send('POST', '/graphql', caller, { query }, headers)
}
const small = (events: Harness, caller: SignedInCaller): Promise<Answer> =>
  events.graphql(
    caller,
    `{ funnel(filter: { fromDay: "2026-06-01", toDay: "2026-06-16" }, withinSeconds: 3600,
              steps: [{ types: ["view"] }, { types: ["view"] }]) { steps { users } } }`,
  )
const codeOf = ({ status, body }: Answer): string =>
  body.errors === undefined ? String(status) : String(body.errors[0].extensions.code)

async function until(is: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000
  while (!(await is())) {
    if (Date.now() > end) throw new Error('it never was')
    await pause(10)
  }
}

test('during twenty large analyses of one analyst, large and small ones of others are answered at once', async () => {
  await using system = await start([1, 2])
  const { events, running, letGo } = system
  const analyst = events.analyst(1)
  const answered: string[] = []
  const queries = Array.from({ length: 20 }, async () => {
    const answer = await large(events, analyst)
    answered.push(codeOf(answer))
  })
  await until(async () => (await running()) === 2)
  const others = Array.from({ length: 3 }, () => small(events, events.analyst(2)))
  for (const answer of await Promise.all(others))
    expect(answer.body.data.funnel.steps).toEqual([{ users: 1 }, { users: 0 }])
  // Half of the four permits are reserved for others: a large analysis of theirs begins, too.
  const another = large(events, events.store(2)).then(codeOf)
  await until(async () => (await running()) === 3)
  expect(answered).toEqual([])
  await letGo()
  await Promise.all(queries)
  expect([new Set(answered), await another]).toEqual([new Set(['200']), '200'])
})

test('while large analyses hold all their permits, a small one of a store and of its analyst is answered', async () => {
  await using system = await start([1, 2, 3])
  const { events, running, letGo } = system
  const queries = [1, 1, 1, 2, 2, 2].map((storeId) => large(events, events.store(storeId)).then(codeOf))
  await until(async () => (await running()) === 4)
  for (const storeId of [1, 3]) expect(codeOf(await small(events, events.analyst(storeId)))).toBe('200')
  const waiting = large(events, events.store(3)).then(codeOf)
  await letGo()
  expect(new Set(await Promise.all([...queries, waiting]))).toEqual(new Set(['200']))
})

test('a caller with too many queued analyses is refused, and no other', async () => {
  await using system = await start([1, 2])
  const { events, running, letGo } = system
  const analyst = events.analyst(1)
  const refusals: Answer[] = []
  const queries = Array.from({ length: 100 }, async () => {
    const answer = await large(events, analyst)
    if (answer.body.errors !== undefined) refusals.push(answer)
    return codeOf(answer)
  })
  await until(() => Promise.resolve(refusals.length === 100 - 2 - 64))
  for (const answer of refusals) {
    expect([answer.status, codeOf(answer)]).toEqual([429, 'TOO_MANY_REQUESTS'])
    expect(answer.headers.get('retry-after')).toBe('1')
  }
  // Another key of the same store, and another store.
  const others = [events.store(1), events.analyst(2)].map((caller) => large(events, caller).then(codeOf))
  for (const caller of [events.store(1), events.analyst(2)])
    expect(codeOf(await small(events, caller))).toBe('200')
  await until(async () => (await running()) === 3)
  await letGo()
  expect(await Promise.all(others)).toEqual(['200', '200'])
  expect((await Promise.all(queries)).filter((code) => code === '200')).toHaveLength(66)
})

test('an analysis that is queued for too long is refused and never run', async () => {
  await using system = await start([1])
  const { events, running, letGo } = system
  const store = events.store(1)
  const first = [1, 2].map(() => large(events, store).then(codeOf))
  await until(async () => (await running()) === 2)
  const late = await large(events, store, { 'x-timeout-ms': '200' })
  expect([late.status, codeOf(late)]).toEqual([503, 'SERVICE_UNAVAILABLE'])
  const next = large(events, store).then(codeOf)
  await letGo()
  expect(await Promise.all([...first, next])).toEqual(['200', '200', '200'])
})
