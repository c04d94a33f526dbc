import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { auditServer } from 'graphql-http'
import { introspect, startGraph, type Graph } from './support/gateway.ts'

let graph: Graph
beforeAll(async () => {
  graph = await startGraph()
})
afterAll(() => graph[Symbol.asyncDispose]())

test('GraphQL over HTTP: every MUST and SHOULD passes', async () => {
  const results = await auditServer({ url: `${graph.origin}/graphql` })
  expect(results.length).toBeGreaterThan(50)
  expect(
    results
      .filter(({ status }) => status === 'error' || status === 'warn')
      .map(({ id, name }) => `${id} ${name}`),
  ).toEqual([])
})

test('anonymous callers can neither introspect nor see suggestions; signed-in callers can', async () => {
  const refused = await graph.graphql(undefined, '{ __schema { queryType { name } } }')
  expect([refused.status, refused.body.errors[0]?.extensions.code]).toEqual([401, 'UNAUTHENTICATED'])
  const typo = '{ eventAmuont(type: "a") { date } }'
  expect((await graph.graphql(undefined, typo)).body.errors[0]?.message).not.toContain('Did you mean')
  expect((await graph.graphql(graph.store, typo)).body.errors[0]?.message).toContain('Did you mean')
  expect((await introspect(graph)).queries).toContain('userByEmail')
})

test('fields for services are not part of the public graph', async () => {
  const { queries, types } = await introspect(graph)
  expect(queries).not.toContain('_service')
  expect(queries).not.toContain('_entities')
  expect(types).not.toContain('ApplyUserErasureInput')
  for (const query of [
    '{ _service { sdl } }',
    '{ _entities(representations: []) { __typename } }',
    'mutation { applyUserErasure(input: { commandId: 1, storeId: 1, userId: "u" }) { eventsDeleted } }',
    '{ user(id: "u-1") { ref } }',
    '{ user(id: "u-1") { storeId } }',
  ])
    expect((await graph.graphql(graph.admin, query)).body.errors[0]?.extensions.code).toBe(
      'GRAPHQL_VALIDATION_FAILED',
    )
})

test('anonymous callers may query a type name and authenticate', async () => {
  expect((await graph.graphql(undefined, '{ __typename }')).body).toEqual({ data: { __typename: 'Query' } })
  const { body } = await graph.graphql(
    undefined,
    'mutation { authenticate(input: { apiKey: "us_key" }) { accessToken } }',
  )
  expect(body).toEqual({ data: { authenticate: { accessToken: 'a.b.c' } } })
})

test('an address with too many anonymous requests can still sign in, and do nothing else', async () => {
  await using limited = await startGraph({ RATE_LIMIT_ANONYMOUS: '2' })
  const statusOf = async (query: string) => (await limited.graphql(undefined, query)).status
  const signIn = 'authenticate(input: { apiKey: "us_key" }) { accessToken }'
  for (let n = 0; n < 2; n += 1) expect(await statusOf('{ __typename }')).toBe(200)
  for (const query of [
    '{ __typename }',
    '{ __typename # authenticate',
    `mutation { ${signIn} __typename }`,
    `mutation A { ${signIn} } query B { stores { nodes { id } } }`,
    `mutation { ...A } fragment A on Mutation { ${signIn} }`,
    `mutation { ${signIn} } # ${'x'.repeat(2_000)}`,
  ])
    expect([query, await statusOf(query)]).toEqual([query, 429])
  expect(await limited.rest(undefined, 'POST', '/api/store', {})).toMatchObject({
    status: 429,
    body: { code: 'TOO_MANY_REQUESTS' },
  })
  expect(await statusOf(`mutation { ${signIn} }`)).toBe(200)
  expect(await statusOf(`mutation { a: ${signIn} b: ${signIn} }`)).toBe(200)
  expect((await limited.rest(undefined, 'POST', '/api/auth', { api_key: 'us_key' })).status).toBe(200)
  expect((await limited.graphql(limited.store, '{ __typename }')).status).toBe(200)
})

test('tokens of services, invalid and expired tokens are rejected before anything is executed', async () => {
  for (const [token, status, code] of [
    [graph.service, 403, 'FORBIDDEN'],
    ['nonsense', 401, 'TOKEN_INVALID'],
    [graph.issuer.tokenFor({ role: 'ADMIN', keyId: 'k' }, -60), 401, 'TOKEN_EXPIRED'],
  ] as const) {
    const answer = await graph.graphql(token, '{ __typename }')
    expect([answer.status, answer.body.errors[0]?.extensions.code]).toEqual([status, code])
  }
})

test('the query plan is never returned', async () => {
  const headers = { 'apollo-query-plan-experimental': '1', 'apollo-federation-include-trace': 'ftv1' }
  const { body } = await graph.graphql(graph.admin, '{ user(id: "u-1") { id } }', {}, headers)
  expect(body).toEqual({ data: { user: { id: 'u-1' } } })
})

test('the error of an invalid variable names it, and never its value', async () => {
  const { body } = await graph.graphql(
    graph.store,
    'mutation($input: RecordEventInput!) { recordEvent(input: $input) { duplicate } }',
    { input: { type: 'a', userId: { secret: 'jane@example.org' }, data: {} } },
  )
  expect(body.errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'input.userId' })
  expect(JSON.stringify(body)).not.toContain('jane')
})

test('browsers get the playground at the GraphQL endpoint', async () => {
  const page = await graph.send('GET', '/graphql', { headers: { accept: 'text/html' } })
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  const query = await graph.send('GET', '/graphql?query=%7B__typename%7D', {
    headers: { accept: 'application/json', 'apollo-require-preflight': 'true' },
  })
  expect(query.body.data).toEqual({ __typename: 'Query' })
})

test('pages and health need no token, metrics are not on this port', async () => {
  for (const path of ['/docs', '/redoc', '/redos', '/openapi.json', '/health/live', '/health/ready'])
    expect((await graph.send('GET', path)).status).toBe(200)
  expect((await graph.send('GET', '/metrics')).status).toBe(404)
  expect(await graph.metrics()).toContain('service="gateway"')
})

test('logs contain no address, token or key', async () => {
  await graph.rest(graph.store, 'GET', '/api/user/jane@example.org')
  await graph.rest(graph.store, 'GET', '/api/user/boom@example.org')
  await graph.rest(undefined, 'POST', '/api/auth', { api_key: 'us_secret_key' })
  expect(graph.logged()).toContain('/api/user/:email')
  expect(graph.logged()).not.toMatch(/example\.org|us_secret_key|eyJ|relation/)
})

test('each error is counted once, by its route or the kind of its operation, and summed up by key', async () => {
  await using own = await startGraph()
  const { users } = own
  users.respond = () => ({
    errors: [{ message: 'no', path: ['authenticate'], extensions: { code: 'INVALID_API_KEY' } }],
  })
  await own.rest(undefined, 'POST', '/api/auth', { api_key: 'us_wrong' })
  await own.graphql(undefined, 'mutation { authenticate(input: { apiKey: "us_wrong" }) { accessToken } }')
  users.respond = undefined
  for (let n = 0; n < 3; n += 1) {
    await own.rest(own.store, 'GET', '/api/user/nobody@example.org')
    await own.graphql(own.store, '{ userByEmail(email: "taken@example.org") { id } }')
  }
  await own.graphql(own.store, '{')
  await own.graphql(own.store, '{ nothing nowhere }')
  await own.graphql('nonsense', '{ __typename }')
  expect(await own.errorCounts()).toEqual({
    'INVALID_API_KEY /api/auth': 1,
    'INVALID_API_KEY /graphql mutation': 1,
    'USER_NOT_FOUND /api/user/:email': 3,
    'EMAIL_TAKEN /graphql query': 3,
    'GRAPHQL_PARSE_FAILED /graphql': 1,
    'GRAPHQL_VALIDATION_FAILED /graphql': 2,
    'TOKEN_INVALID /graphql': 1,
  })
  expect(own.summary()).toMatchObject([
    { level: 'info', caller: 'anonymous', refused: { INVALID_API_KEY: 2, TOKEN_INVALID: 1 } },
    {
      level: 'info',
      keyId: 'k-1',
      storeId: 1,
      refused: {
        USER_NOT_FOUND: 3,
        EMAIL_TAKEN: 3,
        GRAPHQL_PARSE_FAILED: 1,
        GRAPHQL_VALIDATION_FAILED: 2,
      },
    },
  ])
})

test('browsers get pages, which show whether each subgraph is ready; other clients get 404 at their addresses', async () => {
  await using own = await startGraph()
  const get = (path: string) => own.send('GET', path, { headers: { accept: 'text/html' } })
  for (const path of ['/', '/explore']) {
    const { status, headers } = await get(path)
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(headers.get('content-security-policy')?.split('; ')).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "connect-src 'self'"]),
    )
    expect((await own.send('GET', path)).body.code).toBe('NOT_FOUND')
  }
  expect((await get('/nothing')).status).toBe(404)
  expect((await own.send('GET', '/health/system')).body).toEqual({
    status: 'ok',
    checks: { load: 'ok', 'users service': 'ok', 'events service': 'ok' },
  })
})

test('behind a proxy that removes a path, the page finds its files below that path', async () => {
  await using own = await startGraph({ TRUST_PROXY: '127.0.0.1' })
  const proxy = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-prefix': '/stats' }
  const page = await own.send('GET', '/explore', { headers: { accept: 'text/html', ...proxy } })
  expect(page.body).toContain('<base href="/stats/"')
  const untrusted = await own.send('GET', '/', {
    headers: { accept: 'text/html', 'x-forwarded-prefix': '/a' },
  })
  expect(untrusted.body).toContain('<base href="/"')
})
