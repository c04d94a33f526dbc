import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { createVault, type Person } from '../src/vault/vault.ts'
import { createPerson, startDatabaseServer, startUsers, type Harness } from './harness.ts'

let server: TestPostgres
let users: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  users = await startUsers(server)
})
afterAll(async () => {
  await users[Symbol.asyncDispose]()
  await server.stop()
})

const members = 'id email username firstName lastName phone externalId'
const nothing = { username: null, firstName: null, lastName: null, phone: null, externalId: null }
const results = 'createdCount rejectedCount results { user { id email } error { code field message } }'
const createMany = (token: string | null, list: readonly object[], selection = results) =>
  users.mutate(token, 'createUsers', { users: list }, selection)
const rowsOf = async (storeId: number) => {
  const { rows } = await users.owner.query<{ users: number; keys: number }>(
    `SELECT (SELECT count(*)::int FROM users WHERE store_id = $1) AS users,
            (SELECT count(*)::int FROM user_keys WHERE store_id = $1) AS keys`,
    [storeId],
  )
  return rows[0]
}

test('an e-mail address is enough; the rest is null until the store sets it', async () => {
  const { token } = await users.store()
  const { user } = await users.mutate(
    token,
    'createUser',
    { email: 'only@example.org' },
    `user { ${members} }`,
  )
  expect(user).toEqual({ id: user.id, email: 'only@example.org', ...nothing })
  // Null is the same as absent, and any number of users have no username.
  const input = { email: 'also@example.org', ...nothing }
  const also = await users.mutate(token, 'createUser', input, `user { ${members} }`)
  expect(also.user).toMatchObject(input)

  const given = { username: 'only', firstName: 'O', phone: 5 }
  const { user: changed } = await users.mutate(
    token,
    'updateUser',
    { id: user.id, ...given },
    `user { ${members} }`,
  )
  expect(changed).toEqual({ id: user.id, email: 'only@example.org', ...nothing, ...given })
  const patched = await users.send('PATCH', '/api/user', token, {
    email: 'only@example.org',
    last_name: 'Doe',
  })
  expect([patched.status, patched.body]).toEqual([201, { message: 'User successfully updated' }])
  const { body } = await users.graphql(token, `{ user(id: "${String(user.id)}") { ${members} } }`)
  expect(body.data.user).toEqual({ ...changed, lastName: 'Doe' })
  expect(await users.mutate(token, 'updateUser', { id: also.user.id, username: 'ONLY' }, 'user { id }')).toBe(
    'USERNAME_TAKEN',
  )
})

test('over the paths of the previous system all members are required, as before', async () => {
  const { token } = await users.store()
  const { status, body } = await users.send('POST', '/api/user', token, { email: 'only@example.org' })
  expect(status).toBe(422)
  expect(body.errors.map(({ message }: { message: string }) => message)).toEqual([
    'username: is required',
    'first_name: is required',
    'last_name: is required',
    'phone: is required',
  ])
})

test('a user is found by the external id of the store, which is unique in the store', async () => {
  const [one, other] = [await users.store(), await users.store()]
  const find = async (token: string, externalId: string, storeId?: number) =>
    (
      await users.graphql(
        token,
        `query($externalId: String!, $storeId: Int) {
          userByExternalId(externalId: $externalId, storeId: $storeId) { id externalId }
        }`,
        { externalId, storeId },
      )
    ).body
  const create = (token: string, externalId: string) =>
    users.mutate(token, 'createUser', createPerson({ externalId }), 'user { id }')
  const { user } = await create(one.token, 'Customer 7')
  expect((await find(one.token, 'Customer 7')).data.userByExternalId).toEqual({
    id: user.id,
    externalId: 'Customer 7',
  })
  expect((await find(users.admin, 'Customer 7', one.id)).data.userByExternalId.id).toBe(user.id)
  // It is compared exactly, unlike e-mail addresses.
  for (const unlike of ['customer 7', 'Customer 7 ', ''])
    expect((await find(one.token, unlike)).data.userByExternalId).toBeNull()
  expect((await find(other.token, 'Customer 7')).data.userByExternalId).toBeNull()
  expect((await find(other.token, 'Customer 7', one.id)).errors[0].extensions.code).toBe('FORBIDDEN')
  expect((await find(users.admin, 'Customer 7')).errors[0].extensions.code).toBe('BAD_USER_INPUT')

  expect(await create(one.token, 'Customer 7')).toBe('EXTERNAL_ID_TAKEN')
  expect((await create(other.token, 'Customer 7')).user.id).not.toBe(user.id)
  const { user: second } = await create(one.token, 'customer 7')
  const change = { id: second.id, externalId: 'Customer 7' }
  expect(await users.mutate(one.token, 'updateUser', change, 'user { id }')).toBe('EXTERNAL_ID_TAKEN')
  for (const wrong of ['', ' ', 'x'.repeat(129), 'nul\0', null])
    expect(await users.mutate(one.token, 'updateUser', { ...change, externalId: wrong }, 'user { id }')).toBe(
      'BAD_USER_INPUT',
    )

  await users.mutate(one.token, 'updateUser', { id: user.id, externalId: 'Customer 8' }, 'user { id }')
  expect((await find(one.token, 'Customer 7')).data.userByExternalId).toBeNull()
  await users.mutate(one.token, 'eraseUser', { id: user.id }, 'eventsDeleted')
  expect((await find(one.token, 'Customer 8')).data.userByExternalId).toBeNull()
  expect((await create(one.token, 'Customer 8')).user.id).not.toBe(user.id)
})

test('an external id is exported, and audited like the other fields', async () => {
  const { id, token } = await users.store()
  const { user } = await users.mutate(token, 'createUser', createPerson({ externalId: 'c-1' }), 'user { id }')
  const exported = await users.graphql(
    token,
    `{ exportUser(id: "${String(user.id)}") { user { externalId } } }`,
  )
  expect(exported.body.data.exportUser.user).toEqual({ externalId: 'c-1' })
  await users.mutate(token, 'updateUser', { id: user.id, externalId: 'c-2' }, 'user { id }')
  await users.graphql(users.admin, `{ userByExternalId(externalId: "c-2", storeId: ${String(id)}) { id } }`)
  await users.graphql(users.admin, `{ userByExternalId(externalId: "c-3", storeId: ${String(id)}) { id } }`)
  const { rows } = await users.owner.query(
    `SELECT action, record_ids AS ids, fields FROM audit_log
     WHERE store_id = $1 AND action LIKE 'USER%' ORDER BY id`,
    [id],
  )
  expect(rows).toEqual([
    { action: 'USER_CREATED', ids: [user.id], fields: [] },
    { action: 'USER_EXPORTED', ids: [user.id], fields: [] },
    { action: 'USER_UPDATED', ids: [user.id], fields: ['externalId'] },
    { action: 'USERS_READ', ids: [user.id], fields: [] },
    { action: 'USERS_READ', ids: [], fields: [] },
  ])
})

test('each user of many has a result of its own, in order', async () => {
  const { id, token } = await users.store()
  const known = createPerson({ externalId: 'k' })
  await users.mutate(token, 'createUser', known, 'user { id }')
  const answer = await createMany(token, [
    { email: 'a@example.org' },
    { email: ' A@Example.org' },
    { email: 'b@example.org', username: 'b', externalId: 'b' },
    { email: 'c@example.org', username: 'B ' },
    { email: 'd@example.org', externalId: 'b' },
    { email: known.email },
    { email: 'e@example.org', username: known.username.toUpperCase() },
    { email: 'f@example.org', externalId: 'k' },
    { email: 'nowhere', username: ' ', phone: 0 },
    { email: 'g@example.org', storeId: id + 1 },
    { email: 'h@example.org', storeId: id },
  ])
  const taken = (code: string, field: string) => [null, code, field]
  expect(
    answer.results.map(({ user, error }: any) => [user?.email ?? null, error?.code, error?.field]),
  ).toEqual([
    ['a@example.org', undefined, undefined],
    taken('EMAIL_TAKEN', 'email'),
    ['b@example.org', undefined, undefined],
    taken('USERNAME_TAKEN', 'username'),
    taken('EXTERNAL_ID_TAKEN', 'externalId'),
    taken('EMAIL_TAKEN', 'email'),
    taken('USERNAME_TAKEN', 'username'),
    taken('EXTERNAL_ID_TAKEN', 'externalId'),
    [null, 'BAD_USER_INPUT', 'email'],
    [null, 'FORBIDDEN', null],
    ['h@example.org', undefined, undefined],
  ])
  expect(answer).toMatchObject({ createdCount: 3, rejectedCount: 8 })
  expect(answer.results[8].error.message.split('; ').map((fault: string) => fault.split(':')[0])).toEqual([
    'email',
    'username',
    'phone',
  ])
  expect(await rowsOf(id)).toEqual({ users: 4, keys: 4 })
  const { rows } = await users.owner.query(
    `SELECT record_ids AS ids FROM audit_log WHERE store_id = $1 AND action = 'USER_CREATED' ORDER BY id`,
    [id],
  )
  expect(rows[1].ids).toEqual(answer.results.flatMap(({ user }: any) => user?.id ?? []))
})

test('a thousand users are registered at once, found and opened; more are refused, and an empty list is accepted', async () => {
  const { id, token } = await users.store()
  const many = Array.from({ length: 1_001 }, (_, n) => ({
    email: `many.${String(n)}@example.org`,
    externalId: `many ${String(n)}`,
  }))
  expect(await createMany(token, many)).toBe('BAD_USER_INPUT')
  expect(await createMany(token, many.slice(1))).toMatchObject({ createdCount: 1_000, rejectedCount: 0 })
  expect(await createMany(token, many.slice(1))).toMatchObject({ createdCount: 0, rejectedCount: 1_000 })
  expect(await createMany(token, [])).toEqual({ createdCount: 0, rejectedCount: 0, results: [] })
  expect(await rowsOf(id)).toEqual({ users: 1_000, keys: 1_000 })
  const { body } = await users.graphql(token, `{ userByExternalId(externalId: "many 1000") { email } }`)
  expect(body.data.userByExternalId).toEqual({ email: 'many.1000@example.org' })
})

test('overlapping lists sent at once register each user once', async () => {
  const { id, token } = await users.store()
  const people = Array.from({ length: 150 }, (_, n) => ({
    email: `both.${String(n)}@example.org`,
    username: `both ${String(n)}`,
    externalId: `both ${String(150 - n)}`,
  }))
  const answers = await Promise.all([
    createMany(token, people),
    createMany(token, people.toReversed()),
    createMany(token, people.slice(50)),
  ])
  expect(answers.reduce<number>((sum, { createdCount }) => sum + Number(createdCount), 0)).toBe(150)
  expect(await rowsOf(id)).toEqual({ users: 150, keys: 150 })
})

test('an admin registers users of several stores; a caller without access is refused as a whole', async () => {
  const [one, other] = [await users.store(), await users.store()]
  const answer = await createMany(users.admin, [
    { email: 'x@example.org', storeId: one.id },
    { email: 'x@example.org', storeId: other.id },
    { email: 'x@example.org', storeId: 999_999 },
    { email: 'x@example.org' },
  ])
  expect(answer.results.map(({ user, error }: any) => user?.email ?? error.code)).toEqual([
    'x@example.org',
    'x@example.org',
    'STORE_NOT_FOUND',
    'BAD_USER_INPUT',
  ])
  expect(await createMany(null, [{ email: 'x@example.org' }])).toBe('UNAUTHENTICATED')
  const analyst = await users.key('ANALYST', one.id)
  const query = 'mutation { createUsers(input: { users: [] }) { createdCount } }'
  expect((await users.graphql(analyst.token, query)).body.data).toBeUndefined()
  await users.mutate(users.admin, 'blockStore', { id: one.id }, 'store { id }')
  for (const list of [[{ email: 'y@example.org' }], [{ email: 'wrong' }], []])
    expect(await createMany(one.token, list)).toBe('STORE_BLOCKED')
})

test('users of versions without external ids have none', () => {
  const masterKeys = {
    id: 'm',
    wrap: (key: Uint8Array) => Uint8Array.from(key),
    unwrap: (_id: string, key: Uint8Array) => key,
  }
  const blindKey = createHmac('sha256', 'any').digest()
  const vault = createVault({ masterKeys: masterKeys as never, blindKey })
  const before = { email: 'a@b.c', username: 'a', firstName: 'A', lastName: 'B', phone: 5 }
  const owner = { storeId: 1, id: 'u' }
  const { sealed, key } = vault.create(owner, before as Person)
  expect(vault.open(owner, { key, masterKeyId: 'm' }, sealed)).toEqual({ ...before, externalId: null })
})
