import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { adminKey, somebody, startDatabaseServer, startUsers } from './harness.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startDatabaseServer()
})
afterAll(() => server.stop())

test('no table and no log line holds personal data, a key or a token', async () => {
  await using users = await startUsers(server)
  const { id, key, token } = await users.store()
  const person = somebody({
    email: 'Perdita.Plain@example.org',
    username: 'perdita-plain',
    firstName: 'Perdita',
    lastName: 'Plainwood',
    phone: 498_765_432_109,
  })
  const { user } = await users.mutate(token, 'createUser', person, 'user { id }')
  await users.mutate(token, 'updateUser', { id: user.id, lastName: 'Plainfield' }, 'user { id }')
  await users.send('GET', '/api/user/Perdita.Plain@example.org', token)
  await users.send('POST', '/api/user', token, { email: 'perdita.plain@example.org' })
  await users.mutate(token, 'createUser', person, 'user { id }')
  await users.mutate(token, 'eraseUser', { id: user.id }, 'eventsDeleted')
  await users.mutate(token, 'createUser', person, 'user { id }')
  await users.mutate(users.admin, 'blockStore', { id }, 'store { id }')

  const { rows } = await users.owner.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
  )
  expect(rows.length).toBeGreaterThan(6)
  const tables = await Promise.all(
    rows.map(async ({ name }) =>
      JSON.stringify((await users.owner.query(`SELECT t::text FROM ${name} t`)).rows),
    ),
  )
  const secrets = [
    'perdita',
    'plainwood',
    'plainfield',
    '498765432109',
    key,
    token,
    adminKey,
    users.masterKey,
  ]
  for (const place of [tables.join(''), users.logged()]) {
    // Bytes are shown as hexadecimal digits.
    const text = place.toLowerCase()
    for (const secret of secrets) {
      expect(text).not.toContain(secret.toLowerCase())
      expect(text).not.toContain(Buffer.from(secret).toString('hex'))
    }
  }
})

test('sealed data opens in its own row only', async () => {
  await using users = await startUsers(server)
  const { token } = await users.store()
  const register = async () => (await users.mutate(token, 'createUser', somebody(), 'user { id }')).user.id
  const [one, other] = [await register(), await register()]
  await users.owner.query(
    `UPDATE users SET sealed = (SELECT sealed FROM users WHERE id = $1) WHERE id = $2`,
    [one, other],
  )
  const { body } = await users.graphql(token, `{ user(id: "${String(other)}") { email } }`)
  expect(body.errors[0].extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' })
  expect(body.data.user).toBeNull()
})

test('replicas that start at once on an empty database agree on every key', async () => {
  const database = await server.createDatabase((await import('@user-stats/prisma-users')).usersSchema)
  const masterKey = randomBytes(32).toString('hex')
  const [one, other] = await Promise.all([
    startUsers(server, { database, masterKey }),
    startUsers(server, { database, masterKey }),
  ])
  await using _one = one
  await using _other = other
  const { token } = await one.store()
  const person = somebody()
  await one.mutate(token, 'createUser', person, 'user { id }')
  const { body } = await other.graphql(token, `{ userByEmail(email: "${person.email}") { email } }`)
  expect(body.data.userByEmail.email).toBe(person.email)
  for (const table of ['signing_keys', 'wrapped_keys', "api_keys WHERE role = 'ADMIN'"])
    expect((await one.owner.query(`SELECT FROM ${table}`)).rows).toHaveLength(1)
})

test('another master key is refused at the start, in one line', async () => {
  const first = await startUsers(server)
  const { database } = first
  await first[Symbol.asyncDispose]()
  await expect(startUsers(server, { database })).rejects.toThrow(
    /^MASTER_KEY is not the key of this database: .+\.$/,
  )
})

test('every wrong variable is named', async () => {
  const { readEnv } = await import('../src/env.ts')
  expect(() => readEnv({ MASTER_KEY: 'short', ADMIN_API_KEY: 'short', USERS_PORT: 'x' })).toThrow(
    /USERS_PORT: .*USERS_DATABASE_URL: .*MASTER_KEY: expected 32 random bytes .*ADMIN_API_KEY: expected 16/,
  )
})
