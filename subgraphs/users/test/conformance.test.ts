import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { auditServer } from 'graphql-http'
import { Pool } from 'pg'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startUsers, type Harness } from './harness.ts'

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

test('conforms to GraphQL over HTTP: no MUST and no SHOULD fails', async () => {
  const results = await auditServer({ url: `${users.origin}/graphql` })
  expect(results.length).toBeGreaterThan(50)
  expect(
    results
      .filter(({ status }) => status === 'error' || status === 'warn')
      .map(({ id, name }) => `${id} ${name}`),
  ).toEqual([])
})

test('an invalid variable is reported by its name, never by its value', async () => {
  const query = 'mutation($input: CreateUserInput!) { createUser(input: $input) { user { id } } }'
  const { body } = await users.graphql(users.admin, query, { input: { email: { at: 'jane@example.org' } } })
  expect(body.errors[0].extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'input.email' })
  expect(JSON.stringify(body)).not.toContain('jane')
})

test('an unreachable database is 503 with Retry-After, and recovery needs no restart', async () => {
  await using own = await startUsers(server)
  const { token } = await own.store()
  const root = new Pool({ connectionString: server.superuserUrl, max: 1 })
  root.on('error', () => undefined)
  const { database } = own.database
  await own.owner.end()
  await root.query(`ALTER DATABASE "${database}" CONNECTION LIMIT 0`)
  await root.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [database])
  const query = () => own.graphql(token, '{ users { nodes { id } } }')
  const answer = await query()
  expect([answer.status, answer.body.errors[0].extensions.code]).toEqual([503, 'DATABASE_UNAVAILABLE'])
  expect(answer.headers.get('retry-after')).toBe('1')
  const rest = await own.send('PATCH', '/api/user', token, { email: 'a@b.c', phone: 1 })
  expect([rest.status, rest.body.code]).toEqual([503, 'DATABASE_UNAVAILABLE'])
  expect((await own.send('GET', '/health/ready')).status).toBe(503)
  await root.query(`ALTER DATABASE "${database}" CONNECTION LIMIT -1`)
  await root.end()
  expect((await query()).status).toBe(200)
  expect((await own.send('GET', '/health/ready')).status).toBe(200)
})
