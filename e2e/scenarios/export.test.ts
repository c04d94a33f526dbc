import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { authenticate, call } from '../support/legacy-client.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'

let stack: TestStack
let admin: string
let token: string
let storeId: number
let id: string

const graphql = async (bearer: string, query: string, variables?: object) =>
  (await call(stack.urls.gateway, 'POST', '/graphql', { token: bearer, body: { query, variables } })).body

const person = { email: 'Jane@example.org', username: 'jane', firstName: 'Jane', lastName: 'Doe', phone: 5 }
const amount = 1_500

beforeAll(async () => {
  stack = await startTestStack()
  const { gateway } = stack.urls
  admin = await authenticate(gateway, stack.adminApiKey)
  const { data } = await graphql(
    admin,
    'mutation { createStore(input: { name: "S" }) { store { id } secret } }',
  )
  storeId = data.createStore.store.id
  token = await authenticate(gateway, data.createStore.secret)
  const created = await graphql(
    token,
    'mutation($input: CreateUserInput!) { createUser(input: $input) { user { id } } }',
    { input: person },
  )
  id = created.data.createUser.user.id
  const start = Date.parse('2026-01-01T00:00:00Z')
  const lines = Array.from({ length: amount }, (_, n) =>
    ['joe', id].map((user) =>
      JSON.stringify({
        type: 'view',
        user_id: user,
        data: { n },
        // Pairs share an instant; together they lie in several months.
        occurred_at: new Date(start + (n >> 1) * 3_600_000).toISOString(),
        ...(n % 100 === 0 && { idempotency_key: `${user}-${String(n)}` }),
      }),
    ),
  )
  const sent = await fetch(`${gateway}/api/events`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
    body: lines.flat().join('\n'),
  })
  expect(await sent.json()).toMatchObject({ accepted: 2 * amount })
}, 300_000)
afterAll(async () => {
  await stack.stop()
}, 60_000)

const exportFor = (bearer: string | undefined) =>
  call(stack.urls.gateway, 'GET', `/api/user/${id}/export`, { token: bearer })

test("a user's export contains the data of both databases, for the store and for admins", async () => {
  for (const bearer of [token, admin]) {
    const { status, body } = await exportFor(bearer)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      user: { id, ...person, store: { id: storeId, name: 'S' } },
      counts: { events: amount, idempotencyKeys: amount / 100 },
      complete: true,
    })
    expect(body.events.map(({ data }: any) => data.n).sort((a: number, b: number) => a - b)).toEqual(
      Array.from({ length: amount }, (_, n) => n),
    )
    const named = new Map(body.events.map((event: any) => [event.id, event.data.n]))
    expect(body.idempotencyKeys.map(({ key, eventId }: any) => [key, named.get(eventId)]).sort()).toEqual(
      Array.from({ length: amount / 100 }, (_, n) => [`${id}-${String(n * 100)}`, n * 100]).sort(),
    )
  }
})

test('other callers get no export, and an erased user has none', async () => {
  const { data } = await graphql(
    admin,
    `mutation {
      other: createStore(input: { name: "T" }) { secret }
      analyst: createApiKey(input: { role: ANALYST, name: "A", storeId: ${String(storeId)} }) { secret }
    }`,
  )
  const { gateway } = stack.urls
  const codeFor = async (bearer: string | undefined) => {
    const { status, body } = await exportFor(bearer)
    return [status, body.code]
  }
  expect(await codeFor(undefined)).toEqual([401, 'UNAUTHENTICATED'])
  expect(await codeFor(await authenticate(gateway, data.other.secret))).toEqual([404, 'USER_NOT_FOUND'])
  expect(await codeFor(await authenticate(gateway, data.analyst.secret))).toEqual([403, 'FORBIDDEN'])
  const { data: linked } = await graphql(token, `{ exportUser(id: "${id}") { path user { eventCount } } }`)
  expect(linked.exportUser).toEqual({ path: `/api/user/${id}/export`, user: { eventCount: amount } })
  expect((await call(gateway, 'DELETE', `/api/user/${id}`, { token })).status).toBe(200)
  expect(await codeFor(token)).toEqual([404, 'USER_NOT_FOUND'])
})
