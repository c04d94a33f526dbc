import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startUsers, type Harness } from './harness.ts'

let server: TestPostgres
let users: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  users = await startUsers(server, { relay: { interval: 3_600_000, maxInterval: 3_600_000 } })
})
afterAll(async () => {
  await users[Symbol.asyncDispose]()
  await server.stop()
})

const update = (input: Record<string, unknown>, token: string | null = users.admin) =>
  users.mutate(token, 'updateStore', input, 'store { name retentionDays }')
const sentDays = (storeId: number) =>
  users.events.received
    .filter(({ field, input }) => field === 'applyStoreSettings' && input['storeId'] === storeId)
    .map(({ input }) => input['retentionDays'])

test('absent settings stay, and the events service receives the retention time', async () => {
  const { id } = await users.store('a shop')
  expect(await update({ id, retentionDays: 30 })).toEqual({ store: { name: 'a shop', retentionDays: 30 } })
  expect(await update({ id, name: 'another' })).toEqual({ store: { name: 'another', retentionDays: 30 } })
  expect(await update({ id })).toEqual({ store: { name: 'another', retentionDays: 30 } })
  expect(sentDays(id)).toEqual([30])
  expect(await update({ id, name: 'third', retentionDays: null })).toEqual({
    store: { name: 'third', retentionDays: null },
  })
  expect(sentDays(id)).toEqual([30, null])
})

test('a setting is recorded while the events service is unavailable, and delivered later in order', async () => {
  const { id } = await users.store()
  users.events.setAway(true)
  expect(await update({ id, retentionDays: 90 })).toMatchObject({ store: { retentionDays: 90 } })
  expect(await update({ id, retentionDays: 60 })).toMatchObject({ store: { retentionDays: 60 } })
  users.events.setAway(false)
  // Answered once the events service has applied it, in order.
  await users.mutate(users.admin, 'blockStore', { id }, 'store { id }')
  expect(sentDays(id)).toEqual([90, 60])
})

test('refusing e-mail addresses is answered once the events service has applied it, else 503 until it is repeated', async () => {
  const { id } = await users.store()
  const settings = () =>
    users.events.received
      .filter(({ field, input }) => field === 'applyStoreSettings' && input['storeId'] === id)
      .map(({ input }) => [input['retentionDays'], input['refuseEmailLikeData']])
  const refuse = (refuseEmailLikeData: boolean) =>
    users.mutate(users.admin, 'updateStore', { id, refuseEmailLikeData }, 'store { refuseEmailLikeData }')
  expect(await refuse(true)).toEqual({ store: { refuseEmailLikeData: true } })
  // All settings are sent together: none is lost by changing another.
  await update({ id, retentionDays: 30 })
  expect(settings()).toEqual([
    [null, true],
    [30, true],
  ])
  users.events.setAway(true)
  expect(await refuse(false)).toBe('SERVICE_UNAVAILABLE')
  users.events.setAway(false)
  expect(await refuse(false)).toEqual({ store: { refuseEmailLikeData: false } })
  expect(settings().at(-1)).toEqual([30, false])
})

test('the paths open to analysts are visible to them, and answered once the events service has them', async () => {
  const { id } = await users.store()
  const { token: analyst } = await users.key('ANALYST', id)
  const shown = async () =>
    (await users.graphql(analyst, `{ store(id: ${String(id)}) { analystDataPaths } }`)).body.data.store
      .analystDataPaths
  const open = (analystDataPaths: readonly string[] | null) =>
    users.mutate(users.admin, 'updateStore', { id, analystDataPaths }, 'store { analystDataPaths }')
  const sent = () =>
    users.events.received
      .filter(({ field, input }) => field === 'applyStoreSettings' && input['storeId'] === id)
      .map(({ input }) => [input['retentionDays'], input['analystDataPaths']])
  expect(await shown()).toBeNull()
  expect(await open(['$.price', "$['plan b']", '$.price'])).toEqual({
    store: { analystDataPaths: ['$.price', "$['plan b']"] },
  })
  expect(await shown()).toEqual(['$.price', "$['plan b']"])
  // All settings are sent together: none is lost by changing another.
  await update({ id, retentionDays: 30 })
  expect(await open([])).toEqual({ store: { analystDataPaths: [] } })
  expect(await open(null)).toEqual({ store: { analystDataPaths: null } })
  expect(sent()).toEqual([
    [null, ['$.price', "$['plan b']"]],
    [30, ['$.price', "$['plan b']"]],
    [30, []],
    [30, null],
  ])
  users.events.setAway(true)
  expect(await open(['$.plan'])).toBe('SERVICE_UNAVAILABLE')
  users.events.setAway(false)
  expect(await open(['$.plan'])).toEqual({ store: { analystDataPaths: ['$.plan'] } })
  expect(sent().at(-1)).toEqual([30, ['$.plan']])
})

test.each([
  [['price'], 'analystDataPaths[0]'],
  [['$.ok', '$..price'], 'analystDataPaths[1]'],
  [['$'], 'analystDataPaths[0]'],
  [Array.from({ length: 21 }, (_, at) => `$.p${String(at)}`), 'analystDataPaths'],
])('analystDataPaths %j is refused at %s', async (analystDataPaths, field) => {
  const { id } = await users.store()
  const { body } = await users.graphql(
    users.admin,
    'mutation($input: UpdateStoreInput!) { updateStore(input: $input) { store { id } } }',
    { input: { id, analystDataPaths } },
  )
  expect(body.errors[0].extensions).toMatchObject({ code: 'BAD_USER_INPUT', field })
})

test.each([
  [{ refuseEmailLikeData: null }, 'BAD_USER_INPUT'],
  [{ retentionDays: 0 }, 'BAD_USER_INPUT'],
  [{ retentionDays: -1 }, 'BAD_USER_INPUT'],
  [{ retentionDays: 36_501 }, 'BAD_USER_INPUT'],
  [{ name: null }, 'BAD_USER_INPUT'],
  [{ name: '' }, 'BAD_USER_INPUT'],
])('%j is refused', async (changes, code) => {
  const { id } = await users.store()
  expect(await update({ id, ...changes })).toBe(code)
})

test('all faults of a change, or of a new key, are reported at once', async () => {
  const { id } = await users.store()
  const errorsOf = async (mutation: string) =>
    (await users.graphql(users.admin, `mutation { ${mutation} }`)).body.errors[0].extensions.errors.map(
      ({ field }: { field: string }) => field,
    )
  const wrong = 'name: " ", retentionDays: 0, refuseEmailLikeData: null, analystDataPaths: ["", "$.a", ".."]'
  expect(await errorsOf(`updateStore(input: { id: ${String(id)}, ${wrong} }) { store { id } }`)).toEqual([
    'name',
    'retentionDays',
    'refuseEmailLikeData',
    'analystDataPaths[0]',
    'analystDataPaths[2]',
  ])
  const key = 'role: STORE, name: "", expiresAt: "2020-01-01T00:00:00Z"'
  expect(await errorsOf(`createApiKey(input: { ${key} }) { secret }`)).toEqual([
    'storeId',
    'name',
    'expiresAt',
  ])
})

test('only admins change a store, and it must exist', async () => {
  const { id, token } = await users.store()
  expect(await update({ id, retentionDays: 1 }, token)).toBe('FORBIDDEN')
  expect(await update({ id, retentionDays: 1 }, null)).toBe('UNAUTHENTICATED')
  expect(await update({ id: 999, retentionDays: 1 })).toBe('STORE_NOT_FOUND')
})
