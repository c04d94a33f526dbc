import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { auditServer } from 'graphql-http'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server)
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

test('conforms to GraphQL over HTTP: no MUST and no SHOULD fails', async () => {
  const results = await auditServer({ url: `${events.origin}/graphql` })
  expect(results.length).toBeGreaterThan(50)
  expect(
    results
      .filter(({ status }) => status === 'error' || status === 'warn')
      .map(({ id, name }) => `${id} ${name}`),
  ).toEqual([])
})

test.each([
  ['null bytes', '{"query":"{ __typename \\u0000 }"}', 200],
  ['an array of requests', '[{"query":"{ __typename }"}]', 400],
  ['a string', '"query"', 400],
  ['no query', '{}', 400],
  ['deep JSON', `{"query":"{ __typename }","variables":${'{"a":'.repeat(100)}1${'}'.repeat(100)}}`, 400],
  ['a huge document', JSON.stringify({ query: `{ ${'__typename '.repeat(30_000)} }` }), 400],
] as const)('%s sent as a GraphQL request is refused without a trace', async (_what, body, status) => {
  const answer = await events.send('POST', '/graphql', events.store(1), body)
  expect(answer.status).toBe(status)
  expect(JSON.stringify(answer.body)).not.toMatch(/stack|node_modules|\.ts:/)
})

test('an invalid variable is reported by its name, never by its value', async () => {
  const answer = await events.graphql(
    events.store(1),
    'mutation($input: RecordEventInput!) { recordEvent(input: $input) { duplicate } }',
    { input: { type: 'a', userId: { secret: 'jane@example.org' }, data: {} } },
  )
  expect(answer.body.errors[0].extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'input.userId' })
  expect(JSON.stringify(answer.body)).not.toContain('jane')
})

test('anonymous callers cannot introspect and get no suggestions; authenticated callers can', async () => {
  const introspection = '{ __schema { queryType { name } } }'
  expect((await events.graphql(null, introspection)).status).toBe(401)
  expect((await events.graphql(events.store(1), introspection)).body.data.__schema.queryType.name).toBe(
    'Query',
  )
  const typo = '{ eventAmuont(type: "a") { date } }'
  expect((await events.graphql(null, typo)).body.errors[0].message).not.toContain('Did you mean')
  expect((await events.graphql(events.store(1), typo)).body.errors[0].message).toContain('Did you mean')
})

test('an unreachable database is 503 with Retry-After, not an internal error', async () => {
  const own = await startEvents(server)
  await using _own = own
  await own.send('GET', '/api/event/amount/a', own.store(1))
  const { rows } = await own.owner.query<{ name: string }>('SELECT current_database() AS name')
  const name = rows[0]?.name ?? ''
  await own.owner.end()
  const { Pool } = await import('pg')
  const root = new Pool({ connectionString: server.superuserUrl, max: 1 })
  root.on('error', () => undefined)
  await root.query(`ALTER DATABASE "${name}" CONNECTION LIMIT 0`)
  await root.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name])
  for (const [method, path, body] of [
    ['GET', '/api/event/amount/a', undefined],
    ['POST', '/api/event', { type: 'a', user_id: 'u', data: {} }],
  ] as const) {
    const answer = await own.send(method, path, own.store(1), body)
    expect([answer.status, answer.body.code]).toEqual([503, 'DATABASE_UNAVAILABLE'])
    expect(answer.headers.get('retry-after')).toBe('1')
  }
  expect((await own.send('GET', '/health/ready')).status).toBe(503)
  expect((await own.send('GET', '/health/live')).status).toBe(200)
  await root.query(`ALTER DATABASE "${name}" CONNECTION LIMIT -1`)
  await root.end()
  expect(
    (await own.send('POST', '/api/event', own.store(1), { type: 'a', user_id: 'u', data: {} })).status,
  ).toBe(201)
})
