import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { createPerson, startDatabaseServer, startUsers, type Harness } from './harness.ts'

let server: TestPostgres
let users: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  // Only commands of the test itself are delivered; background delivery has a service of its own below.
  users = await startUsers(server, { relay: { interval: 3_600_000, maxInterval: 3_600_000 } })
})
beforeEach(() => {
  users.events.setAway(false)
  users.events.setDeletes(0)
  users.events.setSteps(1)
  users.events.refuse()
})
afterAll(async () => {
  await users[Symbol.asyncDispose]()
  await server.stop()
})

const ofStore = (storeId: number) =>
  users.events.received
    .filter(({ input }) => input['storeId'] === storeId)
    .map(({ field, input }) => (typeof input['state'] === 'string' ? `${field} ${input['state']}` : field))
const register = async (token: string): Promise<string> =>
  (await users.mutate(token, 'createUser', createPerson(), 'user { id }')).user.id

test('commands are sent with a service token, which callers cannot use', async () => {
  const command = users.events.next('applyStoreAccess')
  await users.store()
  const { authorization } = await command
  const token = authorization.replace('Bearer ', '')
  expect(JSON.parse(atob(token.split('.')[1] ?? ''))).toMatchObject({ role: 'SERVICE', sub: 'users' })
  const { body } = await users.graphql(token, '{ stores { nodes { id } } }')
  expect(body.errors[0].extensions.code).toBe('FORBIDDEN')
})

test('a store is created although the events service is unavailable', async () => {
  users.events.setAway(true)
  const { id, token } = await users.store()
  expect(await register(token)).toMatch(/^[\da-f-]{36}$/)
  users.events.setAway(false)
  await users.mutate(users.admin, 'unblockStore', { id }, 'store { id }')
  expect(ofStore(id)).toEqual(['applyStoreAccess ACTIVE'])
})

test('blocking applies here at once, answers once both databases have it, and is resumed in order', async () => {
  const { id, key, token } = await users.store()
  const block = () => users.mutate(users.admin, 'blockStore', { id }, 'store { isActive }')
  users.events.setAway(true)
  const refused = await users.graphql(
    users.admin,
    `mutation { blockStore(input: { id: ${String(id)} }) { store { id } } }`,
  )
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2'])
  expect(refused.body.errors[0].extensions).toEqual({ code: 'SERVICE_UNAVAILABLE', retryAfter: 2 })
  expect(await users.mutate(token, 'createUser', createPerson(), 'user { id }')).toBe('STORE_BLOCKED')
  expect(await users.mutate(null, 'authenticate', { apiKey: key }, 'tokenType')).toBe('STORE_BLOCKED')
  // Changed again before it was delivered: the last state arrives last.
  expect(await users.mutate(users.admin, 'unblockStore', { id }, 'store { id }')).toBe('SERVICE_UNAVAILABLE')
  expect(await block()).toBe('SERVICE_UNAVAILABLE')
  users.events.setAway(false)
  expect(await block()).toEqual({ store: { isActive: false } })
  const commands = ['ACTIVE', 'BLOCKED', 'ACTIVE', 'BLOCKED'].map((state) => `applyStoreAccess ${state}`)
  expect(ofStore(id)).toEqual(commands)
  expect(await block()).toEqual({ store: { isActive: false } })
  expect(ofStore(id)).toEqual(commands)
})

test('erasing a user continues where it stopped, and ends once', async () => {
  const { token } = await users.store()
  const otherStore = await users.store()
  const id = await register(token)
  const erase = (by = token) => users.mutate(by, 'eraseUser', { id }, 'erasedUserId eventsDeleted')
  users.events.setAway(true)
  expect(await erase()).toBe('SERVICE_UNAVAILABLE')
  expect((await users.graphql(token, `{ user(id: "${id}") { id } }`)).body.data.user).toBeNull()
  users.events.setAway(false)
  users.events.setDeletes(3)
  expect(await erase(otherStore.token)).toBe('USER_NOT_FOUND')
  expect(await erase()).toEqual({ erasedUserId: id, eventsDeleted: 3 })
  expect(await erase()).toBe('USER_NOT_FOUND')
  expect(users.events.received.filter(({ field }) => field === 'applyUserErasure')).toMatchObject([
    { input: { userId: id } },
  ])
})

test('deleting a store continues where it stopped and counts all deleted rows', async () => {
  const { id, key, token } = await users.store()
  for (let n = 0; n < 3; n += 1) await register(token)
  const remove = () =>
    users.mutate(users.admin, 'deleteStore', { id }, 'deletedStoreId usersDeleted eventsDeleted')
  users.events.setAway(true)
  expect(await remove()).toBe('SERVICE_UNAVAILABLE')
  expect(await users.mutate(token, 'createUser', createPerson(), 'user { id }')).toBe('KEY_REVOKED')
  expect(await users.mutate(users.admin, 'createUser', createPerson({ storeId: id }), 'user { id }')).toBe(
    'STORE_NOT_FOUND',
  )
  expect(await users.mutate(null, 'authenticate', { apiKey: key }, 'tokenType')).toBe('INVALID_API_KEY')
  users.events.setAway(false)
  // As if it had stopped between the users and the events.
  await users.owner.query(
    `WITH deleted AS (DELETE FROM users WHERE (store_id, id) IN (SELECT store_id, id FROM users WHERE store_id = $1 LIMIT 2) RETURNING id),
       keys AS (DELETE FROM user_keys WHERE user_id IN (SELECT id FROM deleted))
     UPDATE erasures SET users_deleted = 2 WHERE store_id = $1 AND subject = 'STORE'`,
    [id],
  )
  users.events.setDeletes(12)
  expect(await remove()).toEqual({ deletedStoreId: id, usersDeleted: 3, eventsDeleted: 12 })
  expect(await remove()).toBe('STORE_NOT_FOUND')
  expect(ofStore(id)).toEqual(['applyStoreAccess ACTIVE', 'applyStoreAccess DELETED', 'applyStoreDeletion'])
  for (const table of ['stores', 'api_keys', 'users', 'user_keys'])
    expect((await users.owner.query(`SELECT FROM ${table} WHERE store_id = $1`, [id])).rows).toEqual([])
})

test('two concurrent deletions of a store return the same counts', async () => {
  const { id, token } = await users.store()
  await register(token)
  users.events.setDeletes(4)
  const remove = () => users.mutate(users.admin, 'deleteStore', { id }, 'usersDeleted eventsDeleted')
  const answers = (await Promise.all([remove(), remove()])).filter((answer) => answer !== 'STORE_NOT_FOUND')
  expect(answers.length).toBeGreaterThan(0)
  for (const answer of answers) expect(answer).toEqual({ usersDeleted: 1, eventsDeleted: 4 })
})

test('pending commands are delivered in the background: after an outage, and after a restart', async () => {
  const first = await startUsers(server)
  first.events.setAway(true)
  const { id, token } = await first.store()
  const { user } = await first.mutate(token, 'createUser', createPerson(), 'user { id }')
  expect(await first.mutate(token, 'eraseUser', { id: user.id }, 'eventsDeleted')).toBe('SERVICE_UNAVAILABLE')
  const back = first.events.next('applyStoreAccess')
  const { database, masterKey } = first
  const erased = first.events.next('applyUserErasure')
  first.events.setAway(false)
  expect((await back).input).toMatchObject({ storeId: id, state: 'ACTIVE' })
  expect((await erased).input).toMatchObject({ storeId: id, userId: user.id })

  first.events.setAway(true)
  expect(await first.mutate(first.admin, 'blockStore', { id }, 'store { id }')).toBe('SERVICE_UNAVAILABLE')
  await first[Symbol.asyncDispose]()
  await using second = await startUsers(server, {
    database,
    masterKey,
    onEvents: async (events) => {
      const command = await events.next('applyStoreAccess')
      expect(command.input).toMatchObject({ storeId: id, state: 'BLOCKED' })
    },
  })
  await second.observed
})

test('requests to an unreachable events service are suspended, and resumed once it is back', async () => {
  const { id } = await users.store()
  const block = () => users.mutate(users.admin, 'blockStore', { id }, 'store { isActive }')
  users.events.setAway('cut off')
  for (let n = 0; n < 5; n += 1) expect(await block()).toBe('SERVICE_UNAVAILABLE')
  const requests = users.events.requestCount()
  expect(await block()).toBe('SERVICE_UNAVAILABLE')
  expect(users.events.requestCount()).toBe(requests)
  users.events.setAway(false)
  let answer: unknown
  for (const end = Date.now() + 20_000; typeof answer !== 'object' && Date.now() < end;)
    answer = await block()
  expect(answer).toEqual({ store: { isActive: false } })
})
