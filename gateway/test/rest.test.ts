import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createLogger } from '@user-stats/http'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse, validate, type GraphQLSchema } from 'graphql'
import { createSupergraphVersion } from '../src/supergraph/supergraph-version.ts'
import { routes } from '../src/rest/routes.ts'
import { startGraph, type Body, type Graph } from './support/gateway.ts'

let graph: Graph
let schema: GraphQLSchema
let openapi: { paths: Record<string, Record<string, { responses: Record<number, never> }>> }
beforeAll(async () => {
  graph = await startGraph()
  openapi = (await graph.send('GET', '/openapi.json')).body as unknown as typeof openapi
  ;({ schema } = await createSupergraphVersion({
    sdl: await readFile(join(import.meta.dirname, '../supergraph.graphql'), 'utf8'),
    dataSource: () => ({ process: () => Promise.resolve({}) }),
    log: createLogger({ name: 'test', level: 'silent' }),
  }))
})
afterAll(() => graph[Symbol.asyncDispose]())

const ajv = new Ajv2020({
  strict: false,
  formats: { date: /^\d{4}-\d{2}-\d{2}$/, 'date-time': /^\d{4}-.*Z$/ },
})

/** The schema of a response in the OpenAPI document. */
const documented = (method: string, url: string, status: number) => {
  const path = url.replaceAll(/:(\w+)/g, '{$1}')
  const responses = openapi.paths[path]?.[method.toLowerCase()]?.responses ?? {}
  return (responses[status] as { content?: { 'application/json': { schema: object } } } | undefined)
    ?.content?.['application/json'].schema
}

const person = {
  email: 'a@example.org',
  username: 'a',
  first_name: 'A',
  last_name: 'B',
  phone: 999_999_999_999_999,
}
const event = { type: 'purchase', user_id: 'visitor', data: { price: 1.5 } }
const days = [
  { date: '2026-11-23', event_amount: 12 },
  { date: '2026-11-22', event_amount: 8 },
]

interface Example {
  readonly path: string
  readonly body?: Body
  readonly answer: unknown
}

/** One request per route, and its response as in the previous system. */
const examples: Readonly<Record<string, Example>> = {
  'POST /api/auth': {
    path: '/api/auth',
    body: { api_key: 'us_key' },
    answer: { access_token: 'a.b.c', token_type: 'Bearer' },
  },
  'GET /api/user/:email': { path: '/api/user/jane@example.org', answer: { id: 'u-1' } },
  'POST /api/user': {
    path: '/api/user',
    body: person,
    answer: { ...person, id: 'u-1', username: 'jane', first_name: 'Jane', last_name: 'Doe', store_id: 1 },
  },
  'PATCH /api/user': {
    path: '/api/user',
    body: { email: 'a@example.org', phone: 1 },
    answer: { message: 'User successfully updated' },
  },
  'DELETE /api/user/:id': {
    path: '/api/user/u-1',
    answer: { user: 'User successfully deleted', events: '3 events were deleted' },
  },
  'POST /api/event': {
    path: '/api/event',
    body: event,
    answer: { ...event, id: 9007199254740991, store_id: 1, created_at: '2026-11-23T05:16:00.123000' },
  },
  'GET /api/event/amount/:type': { path: '/api/event/amount/a%2Fb', answer: days },
  'GET /api/event/avg-time/:type': {
    path: '/api/event/avg-time/purchase',
    answer: [
      { date: '2026-11-23', event_avg_time: 1.5 },
      { date: '2026-11-22', event_avg_time: 2 },
    ],
  },
  'GET /api/event/store-events-amount/:store_id': { path: '/api/event/store-events-amount/1', answer: days },
  'GET /api/store': { path: '/api/store', answer: [{ id: 1, name: 'Shop', is_active: true }] },
  'POST /api/store': {
    path: '/api/store',
    body: { name: 'New', is_active: false },
    answer: { id: 1, name: 'New', is_active: false, api_key: 'us_new' },
  },
  'DELETE /api/store/:id': {
    path: '/api/store/1',
    answer: { users: '2 users were deleted', events: '5 events were deleted' },
  },
  'POST /api/store/block': {
    path: '/api/store/block',
    body: { store_id: 1 },
    answer: { message: 'Store successfully blocked' },
  },
}

test.each(routes.map((row) => [`${row.method} ${row.url}`, row] as const))(
  '%s: its operation is valid on the supergraph, its answer is as before and fits the OpenAPI document',
  async (name, row) => {
    expect(validate(schema, parse(row.operation))).toEqual([])
    const example = examples[name]
    if (example === undefined) throw new Error(`no example of ${name}`)
    for (const slash of ['', '/']) {
      const body = example.body && { ...example.body, something_unknown: { a: 1 } }
      const answer = await graph.rest(graph.admin, row.method, `${example.path}${slash}`, body)
      expect([answer.status, answer.body]).toEqual([row.status, example.answer])
      const valid = ajv.compile(documented(row.method, row.url, row.status) ?? false)
      expect([valid(answer.body), valid.errors]).toEqual([true, null])
    }
  },
)

test('the list of routes is complete', () => {
  expect(routes.map(({ method, url }) => `${method} ${url}`).sort()).toEqual(Object.keys(examples).sort())
})

const last = (subgraph: 'users' | 'events') => graph[subgraph].requests.at(-1)

test('is_admin creates an admin key instead of a store', async () => {
  const answer = await graph.rest(graph.admin, 'POST', '/api/store', { name: 'Ops', is_admin: true })
  expect(answer.body).toEqual({ id: null, name: 'Ops', is_active: true, api_key: 'us_admin' })
  expect(ajv.validate(documented('POST', '/api/store', 201) ?? false, answer.body)).toBe(true)
  expect(last('users')?.variables).toMatchObject({ admin: true, key: { role: 'ADMIN', name: 'Ops' } })
})

test.each([
  ['POST', '/api/event', { ...event, store_id: 7 }, 'events', { storeId: 7, userId: 'visitor' }],
  ['POST', '/api/user', { ...person, store_id: 7 }, 'users', { storeId: 7, firstName: 'A' }],
  [
    'PATCH',
    '/api/user',
    { email: 'a@b.c', store_id: 7, last_name: 'X' },
    'users',
    { storeId: 7, lastName: 'X' },
  ],
] as const)(
  '%s %s passes on the store and what else was given',
  async (method, path, body, subgraph, input) => {
    expect((await graph.rest(graph.admin, method, path, body)).status).toBe(201)
    expect(last(subgraph)?.variables['input']).toMatchObject(input)
  },
)

test("the idempotency key, an event's time and the paging of lists reach the graph", async () => {
  await graph.rest(graph.store, 'POST', '/api/event', event, { 'idempotency-key': 'order-7' })
  expect(last('events')?.variables['input']).toMatchObject({ idempotencyKey: 'order-7' })
  const line = { ...event, occurred_at: '2026-11-22T21:00:00Z', idempotency_key: 'order-8' }
  await graph.rest(graph.store, 'POST', '/api/event', line, { 'idempotency-key': 'order-7' })
  expect(last('events')?.variables['input']).toMatchObject({
    occurredAt: '2026-11-22T21:00:00Z',
    idempotencyKey: 'order-8',
  })
  await graph.rest(graph.admin, 'GET', '/api/store?offset=5&limit=7')
  expect(last('users')?.variables).toEqual({ offset: 5, limit: 7 })
  await graph.rest(graph.admin, 'GET', '/api/event/amount/a%2Fb?offset=1&limit=0&from=2026-11-01&store_id=3')
  expect(last('events')?.variables).toEqual({
    type: 'a/b',
    offset: 1,
    limit: 0,
    from: '2026-11-01',
    storeId: 3,
  })
  await graph.rest(graph.store, 'GET', '/api/event/avg-time/a/')
  expect(last('events')?.variables).toEqual({ type: 'a', offset: 0, limit: 50 })
  await graph.rest(graph.admin, 'GET', '/api/user/jane@example.org?store_id=3')
  expect(last('users')?.variables).toEqual({ email: 'jane@example.org', storeId: 3 })
})

const json = { 'content-type': 'application/json' }

test.each([
  ['an unknown path', 404, 'NOT_FOUND', 'GET', '/api/nothing', {}],
  ['an unknown method', 405, 'METHOD_NOT_ALLOWED', 'PUT', '/api/user', {}],
  ['an unknown user', 404, 'USER_NOT_FOUND', 'GET', '/api/user/nobody@example.org', {}],
  ['malformed JSON', 400, 'BAD_REQUEST', 'POST', '/api/event', { headers: json, body: '{"type":' }],
  ['no body', 400, 'BAD_REQUEST', 'POST', '/api/event', { headers: json }],
  [
    'invalid UTF-8',
    400,
    'BAD_REQUEST',
    'POST',
    '/api/event',
    { headers: json, body: Buffer.from([0x22, 0xff, 0x22]) },
  ],
  [
    'a body that is too large',
    413,
    'PAYLOAD_TOO_LARGE',
    'POST',
    '/api/event',
    { headers: json, body: ' '.repeat(17_000_000) },
  ],
  [
    'a form body',
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    'POST',
    '/api/event',
    { body: new URLSearchParams({ type: 'a' }) },
  ],
  [
    'text',
    415,
    'UNSUPPORTED_MEDIA_TYPE',
    'POST',
    '/api/event',
    { headers: { 'content-type': 'text/html' }, body: '{}' },
  ],
  ['an array', 422, 'BAD_USER_INPUT', 'POST', '/api/event', { headers: json, body: '[]' }],
  ['a negative offset', 422, 'BAD_USER_INPUT', 'GET', '/api/store?offset=-1', {}],
  ['a limit beyond the largest', 422, 'BAD_USER_INPUT', 'GET', '/api/event/amount/a?limit=10001', {}],
  ['an invalid day', 422, 'BAD_USER_INPUT', 'GET', '/api/event/amount/a?from=2026-02-30', {}],
  ['a store that is no number', 422, 'BAD_USER_INPUT', 'DELETE', '/api/store/x', {}],
] as const)('%s is %i %s', async (_what, status, code, method, path, init: RequestInit) => {
  const headers = { ...(init.headers as Record<string, string>), authorization: `Bearer ${graph.admin}` }
  const answer = await graph.send(method, path, { ...init, headers })
  expect([answer.status, answer.body.code]).toEqual([status, code])
  expect(answer.headers.get('content-type')).toContain('application/problem+json')
  expect(answer.body.message).toBe(answer.body.detail)
})

test.each([
  ['/api/event', { ...event, data: [1] }, 'data'],
  ['/api/event', { ...event, data: { price: '1' }, type: '' }, 'type'],
  ['/api/event', { ...event, user_id: 'u'.repeat(129) }, 'user_id'],
  ['/api/event', { type: 'a', data: {} }, 'user_id'],
  ['/api/event', { ...event, occurred_at: 'yesterday' }, 'occurred_at'],
  ['/api/event', { ...event, idempotency_key: '' }, 'idempotency_key'],
  ['/api/user', { ...person, phone: '1' }, 'phone'],
  ['/api/user', { ...person, phone: 1e15 }, 'phone'],
  ['/api/user', { ...person, first_name: null }, 'first_name'],
  ['/api/user', { ...person, email: 'name@example.org' }, 'first_name'],
  ['/api/store', { name: 'a', is_active: 'true' }, 'is_active'],
  ['/api/store/block', { store_id: 2 ** 31 }, 'store_id'],
  ['/api/auth', {}, 'api_key'],
])('POST %s with %j names the member %s', async (path, body, field) => {
  const answer = await graph.rest(graph.admin, 'POST', path, body)
  expect([answer.status, answer.body.code, answer.body.field]).toEqual([422, 'BAD_USER_INPUT', field])
})

test("a subgraph's error names the route's own members", async () => {
  const answer = await graph.rest(graph.store, 'POST', '/api/user', { ...person, email: 'taken@example.org' })
  expect([answer.status, answer.body.code, answer.body.field]).toEqual([409, 'EMAIL_TAKEN', 'email'])
  expect(JSON.stringify(answer.body)).not.toMatch(/input\.|stack|serviceName/)
})

test.each(routes.filter((row) => row.public !== true).map((row) => [row.method, row.url]))(
  '%s %s requires a valid token and calls no subgraph without one',
  async (method, url) => {
    const before = graph.users.requests.length + graph.events.requests.length
    for (const [token, code] of [
      [undefined, 'UNAUTHENTICATED'],
      ['nonsense', 'TOKEN_INVALID'],
      [graph.issuer.tokenFor({ role: 'ADMIN', keyId: 'k' }, -60), 'TOKEN_EXPIRED'],
    ] as const) {
      const answer = await graph.rest(token, method, url.replaceAll(/:\w+/g, '1'))
      expect([answer.status, answer.body.code]).toEqual([401, code])
      expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    }
    const service = await graph.rest(graph.service, method, url.replaceAll(/:\w+/g, '1'))
    expect([service.status, service.body.code]).toEqual([403, 'FORBIDDEN'])
    expect(graph.users.requests.length + graph.events.requests.length).toBe(before)
  },
)

test('a request with an expired token can authenticate', async () => {
  const expired = graph.issuer.tokenFor({ role: 'STORE', keyId: 'k', storeId: 1 }, -60)
  const answer = await graph.rest(expired, 'POST', '/api/auth', { api_key: 'us_key' })
  expect(answer.status).toBe(200)
  expect(last('users')?.headers).not.toHaveProperty('authorization')
})
