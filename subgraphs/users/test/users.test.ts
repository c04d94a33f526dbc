import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
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

const all = 'user { id email username firstName lastName phone createdAt updatedAt store { id name } }'
const register = (token: string, changes?: Record<string, unknown>) =>
  users.mutate(token, 'createUser', createPerson(changes), all)

test('a store registers a user and finds, changes and deletes them', async () => {
  const { id, token } = await users.store('Books')
  const person = createPerson()
  const { user } = await users.mutate(token, 'createUser', person, all)
  expect(user).toMatchObject({ ...person, store: { id, name: 'Books' } })

  const query = `query($id: ID!, $email: String!) { user(id: $id) { email } userByEmail(email: $email) { id } }`
  const found = await users.graphql(token, query, { id: user.id, email: `  ${person.email.toUpperCase()} ` })
  expect(found.body.data).toEqual({ user: { email: person.email }, userByEmail: { id: user.id } })

  const changed = await users.mutate(token, 'updateUser', { id: user.id, phone: 1, lastName: 'Roe' }, all)
  expect(changed.user).toMatchObject({ ...person, phone: 1, lastName: 'Roe' })
  expect(await users.mutate(token, 'deleteUser', { id: user.id }, 'deletedUserId')).toEqual({
    deletedUserId: user.id,
  })
  expect(await users.mutate(token, 'deleteUser', { id: user.id }, 'deletedUserId')).toBe('USER_NOT_FOUND')
  const deleted = await users.graphql(token, query, { id: user.id, email: person.email })
  expect(deleted.body.data).toEqual({ user: null, userByEmail: null })
  const { rows } = await users.owner.query('SELECT FROM user_keys WHERE user_id = $1', [user.id])
  expect(rows).toHaveLength(0)
})

test('e-mail and username are unique per store, compared trimmed, NFC and without case', async () => {
  const one = await users.store()
  const other = await users.store()
  const taken = { email: 'Zoe\u0308@example.org', username: 'Zoë' }
  await register(one.token, taken)
  expect(await register(one.token, { email: ' ZOË@Example.ORG ' })).toBe('EMAIL_TAKEN')
  expect(await register(one.token, { username: 'zoe\u0308 ' })).toBe('USERNAME_TAKEN')
  expect((await register(other.token, taken)).user).toMatchObject(taken)
  const { user } = await register(one.token)
  expect(await users.mutate(one.token, 'updateUser', { id: user.id, username: 'ZOË' }, all)).toBe(
    'USERNAME_TAKEN',
  )
  expect(await users.mutate(one.token, 'updateUser', { id: user.id, email: taken.email }, all)).toBe(
    'EMAIL_TAKEN',
  )
})

test.each<[string, string | number]>([
  ['email', 'no-at-sign'],
  ['email', 'two@at@signs'],
  ['email', '@example.org'],
  ['email', 'jane@ '],
  ['email', `${'a'.repeat(250)}@b.de`],
  ['email', 'nul\0@example.org'],
  ['username', ' '],
  ['username', 'x'.repeat(101)],
  ['username', 'half \ud83d'],
  ['firstName', ''],
  ['lastName', 'x'.repeat(301)],
  ['lastName', 'nul\0'],
  ['phone', 0],
  ['phone', -1],
  ['phone', 1_000_000_000_000_000],
])('a bad %s is refused (%#)', async (field, value) => {
  const { token } = await users.store()
  const query = 'mutation($input: CreateUserInput!) { createUser(input: $input) { user { id } } }'
  const { body } = await users.graphql(token, query, { input: createPerson({ [field]: value }) })
  expect(body.errors[0].extensions).toEqual({ code: 'BAD_USER_INPUT', field })
  const update = 'mutation($input: UpdateUserInput!) { updateUser(input: $input) { user { id } } }'
  const { user } = await register(token)
  const changed = await users.graphql(token, update, { input: { id: user.id, [field]: value } })
  expect(changed.body.errors[0].extensions).toEqual({ code: 'BAD_USER_INPUT', field })
})

test('values at their limits are stored unchanged', async () => {
  const { token } = await users.store()
  const limits = { username: '😀'.repeat(100), firstName: ' é '.repeat(100), phone: 999_999_999_999_999 }
  expect((await register(token, limits)).user).toMatchObject(limits)
})

test('null is refused in an update', async () => {
  const { token } = await users.store()
  const { user } = await register(token)
  expect(await users.mutate(token, 'updateUser', { id: user.id, phone: null }, all)).toBe('BAD_USER_INPUT')
})

test('changes of one user at the same time do not undo each other', async () => {
  const { token } = await users.store()
  const { user } = await register(token)
  await Promise.all([
    ...['A', 'B', 'C'].map((firstName) => users.mutate(token, 'updateUser', { id: user.id, firstName }, all)),
    users.mutate(token, 'updateUser', { id: user.id, lastName: 'Kept' }, all),
    users.mutate(token, 'updateUser', { id: user.id, phone: 7 }, all),
  ])
  const { body } = await users.graphql(token, `{ user(id: "${user.id}") { lastName phone } }`)
  expect(body.data.user).toEqual({ lastName: 'Kept', phone: 7 })
})

test('users are paged in a stable order; invalid pages are refused', async () => {
  const { token } = await users.store()
  for (let n = 0; n < 5; n += 1) await register(token)
  const query = `query($first: Int!, $after: String) {
    users(first: $first, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } }
  }`
  const page = async (first: number, after?: string) =>
    (await users.graphql(token, query, { first, after })).body.data?.users
  const one = await page(3)
  const two = await page(3, one.pageInfo.endCursor)
  expect([one.nodes.length, one.pageInfo.hasNextPage, two.nodes.length, two.pageInfo.hasNextPage]).toEqual([
    3,
    true,
    2,
    false,
  ])
  expect(new Set([...one.nodes, ...two.nodes].map(({ id }: { id: string }) => id)).size).toBe(5)
  expect(await page(0)).toEqual({ nodes: [], pageInfo: { endCursor: null, hasNextPage: true } })
  for (const [first, after] of [[-1], [10_001], [1, 'nonsense'], [1, '\0']] as const) {
    const { body } = await users.graphql(token, query, { first, after })
    expect(body.errors[0].extensions.code).toBe('BAD_USER_INPUT')
  }
})

test("all of a store's users are deleted, and no others", async () => {
  const one = await users.store()
  const other = await users.store()
  for (const { token } of [one, one, other]) await register(token)
  const input = { storeId: one.id }
  expect(await users.mutate(one.token, 'deleteStoreUsers', input, 'deletedCount')).toEqual({
    deletedCount: 2,
  })
  expect(await users.mutate(one.token, 'deleteStoreUsers', input, 'deletedCount')).toEqual({
    deletedCount: 0,
  })
  const { rows } = await users.owner.query('SELECT store_id FROM users WHERE store_id = ANY($1)', [
    [one.id, other.id],
  ])
  expect(rows).toEqual([{ store_id: other.id }])
})

test('entities resolve in batches; references of visitors are null', async () => {
  const { id, token } = await users.store('Toys')
  const { user } = await register(token)
  const query = `query($representations: [_Any!]!) {
    _entities(representations: $representations) { ... on User { id email } ... on Store { storeId: id name } }
  }`
  const of = (ref: string, storeId = id) => ({ __typename: 'User', storeId, ref })
  const representations = [
    of(user.id),
    of('visitor-1'),
    of(user.id.toUpperCase()),
    of('5b0b2ac3-9f6f-4e8f-9d1c-0a0f3f6f1a11'),
    { __typename: 'Store', id },
    of(user.id, id + 1),
  ]
  const { body } = await users.graphql(token, query, { representations })
  expect(body.data._entities).toEqual([
    { id: user.id, email: user.email },
    null,
    null,
    null,
    { storeId: id, name: 'Toys' },
    null,
  ])
  expect(body.errors.map(({ extensions, path }: any) => [extensions.code, path[1]])).toEqual([
    ['FORBIDDEN', 5],
  ])
})
