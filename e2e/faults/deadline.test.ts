import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { query, holdLock } from '../support/database-lock.ts'
import { authenticate, call, type LegacyAnswer } from '../support/legacy-client.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'

/** Far below the 12 s that a statement may run with the default request timeout. */
const maxWait = 8_000
let stack: TestStack
let token: string
const jane = { email: 'jane@example.org', username: 'jane', first_name: 'Jane', last_name: 'Doe', phone: 1 }
beforeAll(async () => {
  stack = await startTestStack({ env: { REQUEST_TIMEOUT_MS: '2000' } })
  const { gateway } = stack.urls
  const admin = await authenticate(gateway, stack.adminApiKey)
  const { body } = await call(gateway, 'POST', '/api/store', { token: admin, body: { name: 'Shoes' } })
  token = await authenticate(gateway, body.api_key)
  await call(gateway, 'POST', '/api/user', { token, body: jane })
  // The first request also plans and connects.
  for (const [, , request] of cases) await request()
}, 120_000)
afterAll(async () => {
  await stack.stop()
}, 60_000)

const rest = (method: string, path: string, body?: Record<string, unknown>) => (): Promise<LegacyAnswer> =>
  call(stack.urls.gateway, method, path, { token, ...(body && { body }) })
const graphql = (query: string) => rest('POST', '/graphql', { query })

type Case = readonly [name: string, lock: Lock, request: () => Promise<LegacyAnswer>, answer: Expected]
type Expected = readonly [status: number, code: string]
interface Lock {
  readonly database: 'users' | 'events'
  readonly table: string
}
const access: Lock = { database: 'events', table: 'store_access' }
const raw: Lock = { database: 'events', table: 'events' }
const people: Lock = { database: 'users', table: 'users' }
const away = [503, 'DATABASE_UNAVAILABLE'] as const

const cases: readonly Case[] = [
  ['an aggregate over REST', access, rest('GET', '/api/event/amount/view'), away],
  ['an aggregate over GraphQL', access, graphql('{ topEventTypes { type } }'), away],
  ['an event over REST', raw, rest('POST', '/api/event', { type: 'view', user_id: 'v', data: {} }), away],
  [
    'an event over GraphQL',
    raw,
    graphql('mutation { recordEvent(input: { type: "view", userId: "v" }) { duplicate } }'),
    away,
  ],
  [
    'an analysis',
    raw,
    graphql('{ eventSeries(filter: { fromDay: "2026-11-01" }, granularity: DAY) { totals { events } } }'),
    [200, 'QUERY_TOO_EXPENSIVE'],
  ],
  ['a user over REST', people, rest('GET', '/api/user/jane@example.org'), away],
  ['a user over GraphQL', people, graphql('{ userByEmail(email: "jane@example.org") { id } }'), away],
  ['a change of a user over REST', people, rest('PATCH', '/api/user', { ...jane, first_name: 'Joan' }), away],
]

/** Statements of the service that wait for a lock. */
const waiting = async ({ database }: Lock): Promise<number> => {
  const [row] = await query<{ n: number }>(
    stack.databases[database].ownerUrl,
    `SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted`,
  )
  return row?.n ?? 0
}

test.each(cases)(
  'while a lock blocks %s, it is answered within the request timeout, and its statement is cancelled',
  async (_name, lock, request, [status, code]) => {
    const held = await holdLock(
      stack.databases[lock.database].ownerUrl,
      `LOCK TABLE ${lock.table} IN ACCESS EXCLUSIVE MODE`,
    )
    try {
      // Answered while the lock is held: nothing waits for it.
      const late = pause(maxWait, undefined, { ref: false })
      const answer = await Promise.race([request(), late])
      if (answer === undefined) throw new Error('it was not answered in time')
      const { body, headers } = answer
      expect([answer.status, body.code ?? body.errors[0].extensions.code]).toEqual([status, code])
      expect(body.errors?.length ?? 1).toBe(1)
      if (status === 503) expect(headers.get('retry-after')).toBe('1')
      for (const end = Date.now() + maxWait; (await waiting(lock)) > 0;) {
        if (Date.now() > end) throw new Error('its statement is still waiting')
        await pause(50)
      }
    } finally {
      await held.release()
    }
    // Afterwards everything works again.
    const again = await request()
    expect([again.status < 300, again.body.errors]).toEqual([true, undefined])
  },
  60_000,
)
