import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server)
  for (const storeId of [1, 2]) await events.introduce(storeId)
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

const record = async (storeId: number, userId: string, idempotencyKey: string | null): Promise<string> => {
  const { body } = await events.graphql(
    events.store(storeId),
    'mutation($input: RecordEventInput!) { recordEvent(input: $input) { event { id } } }',
    { input: { type: 'view', userId, idempotencyKey } },
  )
  return body.data.recordEvent.event.id as string
}

const query = `query($storeId: Int, $userId: String!, $first: Int!, $after: String) {
  idempotencyKeys(storeId: $storeId, userId: $userId, first: $first, after: $after) {
    nodes { key eventId createdAt }
    pageInfo { endCursor hasNextPage }
  }
}`

test("a user's idempotency keys are found over all pages, and no others", async () => {
  const own: string[][] = []
  for (let n = 0; n < 12; n += 1) {
    const id = await record(1, n % 3 === 0 ? 'jane' : 'joe', `key ${String(n).padStart(2, '0')}`)
    if (n % 3 === 0) own.push([`key ${String(n).padStart(2, '0')}`, id])
  }
  await record(1, 'jane', null)
  await record(2, 'jane', 'of another store')
  const found: string[][] = []
  let after: string | null = null
  let pages = 0
  do {
    const { body }: { body: any } = await events.graphql(events.store(1), query, {
      userId: 'jane',
      first: 2,
      after,
    })
    const { nodes, pageInfo } = body.data.idempotencyKeys
    found.push(...nodes.map(({ key, eventId }: { key: string; eventId: string }) => [key, eventId]))
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null
    pages += 1
  } while (after !== null)
  expect(found).toEqual(own)
  expect(pages).toBe(6)
})

test("idempotency keys are for the user's store and for admins", async () => {
  const codeFor = async (
    caller: Parameters<Harness['graphql']>[0],
    variables: Record<string, unknown> = {},
  ) => {
    const { body } = await events.graphql(caller, query, { userId: 'jane', first: 10, ...variables })
    return body.errors?.[0].extensions.code ?? 'ok'
  }
  expect(await codeFor(null)).toBe('UNAUTHENTICATED')
  expect(await codeFor(events.analyst())).not.toBe('ok')
  expect(await codeFor(events.service)).toBe('FORBIDDEN')
  expect(await codeFor(events.store(2), { storeId: 1 })).toBe('FORBIDDEN')
  expect(await codeFor(events.admin)).toBe('BAD_USER_INPUT')
  expect(await codeFor(events.admin, { storeId: 1 })).toBe('ok')
  expect(await codeFor(events.store(1), { first: 10_001 })).toBe('BAD_USER_INPUT')
  expect(await codeFor(events.store(1), { after: 'x' })).toBe('BAD_USER_INPUT')
  await events.introduce(1, 'BLOCKED', 5)
  expect(await codeFor(events.store(1))).toBe('STORE_BLOCKED')
})
