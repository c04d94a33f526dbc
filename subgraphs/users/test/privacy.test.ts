import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { startTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { contents, traces } from './disk.ts'
import { adminKey, createPerson, startUsers } from './harness.ts'

let server: TestPostgres
// A server of its own: a test below reads all its files.
beforeAll(async () => {
  server = await startTestPostgres()
})
afterAll(() => server.stop())

test('no table and no log line holds personal data, a key or a token', async () => {
  await using users = await startUsers(server)
  const { id, key, token } = await users.store()
  const person = createPerson({
    email: 'Perdita.Plain@example.org',
    username: 'perdita-plain',
    firstName: 'Perdita',
    lastName: 'Plainwood',
    phone: 498_765_432_109,
    externalId: 'perdita of pots',
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
    'of pots',
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

test('a dump of the database, its data files and its write-ahead log contain no personal data in any form', async () => {
  await using users = await startUsers(server)
  // Stored in plain text, to prove that the search finds existing data.
  const control = 'Quillfeather and Daughters'
  const { token } = await users.store(control)
  const person = {
    email: 'Ottoline.Marchbank@example.org',
    username: 'ottoline-marchbank',
    firstName: 'Ottoline',
    lastName: 'Marchbänk',
    phone: 487_263_519_204,
    externalId: 'shop/customer/Ottoline',
  }
  const { user } = await users.mutate(token, 'createUser', person, 'user { id }')
  await users.mutate(token, 'updateUser', { id: user.id, lastName: 'Marchbank-Öztürk' }, 'user { id }')
  const erased = {
    ...person,
    email: 'Gideon.Farrow@example.org',
    username: 'gideon-farrow',
    externalId: 'shop/Gideon',
  }
  const other = await users.mutate(token, 'createUser', erased, 'user { id }')
  await users.mutate(token, 'eraseUser', { id: other.user.id }, 'eventsDeleted')
  const values = [
    ...Object.values(person).map(String),
    'ottoline.marchbank@example.org',
    'Marchbank-Öztürk',
    erased.email,
    erased.username,
    erased.externalId,
  ]

  const { rows } = await users.owner.query<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'`,
  )
  const dump = (
    await Promise.all(
      rows.map(async ({ name }) =>
        (await users.owner.query<{ line: string }>(`SELECT t::text AS line FROM ${name} t`)).rows.map(
          ({ line }) => line,
        ),
      ),
    )
  )
    .flat()
    .join('\n')
  const root = new Client({ connectionString: users.database.superuserUrl })
  await root.connect()
  // Statistics hold samples of values.
  await root.query('ANALYZE')
  await root.query('CHECKPOINT')
  await root.end()

  const places: { file: string; bytes: Buffer }[] = [{ file: 'dump', bytes: Buffer.from(dump) }]
  for await (const place of contents(path.join(server.home, 'pgdata'))) places.push(place)
  const holding = (value: string) =>
    places.flatMap(({ file, bytes }) => (traces(value).some((trace) => bytes.includes(trace)) ? [file] : []))
  const found = holding(control).map((file) => file.replace(/^.*pgdata\//, '').split('/')[0])
  expect(found).toEqual(expect.arrayContaining(['dump', 'base', 'pg_wal']))
  for (const value of values) expect([value, holding(value)]).toEqual([value, []])
}, 120_000)

test('the search finds a text in each form it may have', () => {
  const value = 'Marchbänk'
  const hidden = [
    Buffer.from(`a${value}b`),
    Buffer.from(`a${value}b`, 'utf16le'),
    Buffer.from(`a${value}b`, 'utf16le').swap16(),
    Buffer.from(Buffer.from(`ab${value}c`).toString('hex')),
    Buffer.from(Buffer.from(`ab${value}c`).toString('hex').toUpperCase()),
    ...['', 'a', 'ab'].map((before) => Buffer.from(Buffer.from(`${before}${value}xyz`).toString('base64'))),
  ]
  for (const place of hidden) expect(traces(value).some((trace) => place.includes(trace))).toBe(true)
  expect(traces(value).some((trace) => Buffer.from('Marchbank').includes(trace))).toBe(false)
})

test('sealed data opens in its own row only', async () => {
  await using users = await startUsers(server)
  const { token } = await users.store()
  const register = async () =>
    (await users.mutate(token, 'createUser', createPerson(), 'user { id }')).user.id
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
  const person = createPerson()
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

test('every invalid variable is named', async () => {
  const { readEnv } = await import('../src/env.ts')
  expect(() => readEnv({ MASTER_KEY: 'short', ADMIN_API_KEY: 'short', USERS_PORT: 'x' })).toThrow(
    /USERS_PORT: .*USERS_DATABASE_URL: .*MASTER_KEY: expected 32 random bytes .*ADMIN_API_KEY: expected 16/,
  )
})
