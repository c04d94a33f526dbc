import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { startGateway, startGraph, type Graph } from './support/gateway.ts'

let graph: Graph
beforeAll(async () => {
  graph = await startGraph({}, { subgraphTimeout: 300 })
})
afterAll(() => graph[Symbol.asyncDispose]())
beforeEach(() => {
  for (const subgraph of [graph.users, graph.events]) {
    subgraph.requests.length = 0
    subgraph.respond = undefined
  }
})

const hits = () => ({ users: graph.users.requests.length, events: graph.events.requests.length })
const jane = '{ userByEmail(email: "jane@example.org") { id email } }'

test('a query across both subgraphs sends one request to each', async () => {
  const { body } = await graph.graphql(
    graph.store,
    `{ userByEmail(email: "jane@example.org") {
      id email eventCount lastSeenAt events(first: 3) { nodes { id store { name } } } store { name }
    } }`,
  )
  expect(body).toEqual({
    data: {
      userByEmail: {
        id: 'u-1',
        email: 'Jane@example.org',
        eventCount: 2,
        lastSeenAt: '2026-11-23T05:16:00.123Z',
        events: { nodes: [{ id: '1', store: { name: 'Shop' } }] },
        store: { name: 'Shop' },
      },
    },
  })
  // One request for the user, one for the store of their events.
  expect(hits()).toEqual({ users: 2, events: 1 })
})

test.each([
  '{ eventAmount(type: "a", from: "2026-02-30") { date } }',
  '{ events(from: "2026-02-03T00:00:00") { nodes { id } } }',
  '{ events(from: 7) { nodes { id } } }',
  'mutation { recordEvent(input: { type: "a", userId: "u", data: [1] }) { duplicate } }',
  'mutation { recordEvent(input: { type: "a", userId: "u", data: { n: 1e400 } }) { duplicate } }',
  '{ funnel(filter: { fromDay: "2026-11-01" }, withinSeconds: 1, steps: [{ data: [{ path: "$.a", equals: {} }] }, {}]) { from } }',
])(
  'an invalid literal of a custom scalar is a validation error, and no subgraph is called: %s',
  async (query) => {
    const { body } = await graph.graphql(graph.store, query)
    expect(body.errors.map(({ extensions }) => extensions['code'])).toEqual(['GRAPHQL_VALIDATION_FAILED'])
    expect(hits()).toEqual({ users: 0, events: 0 })
  },
)

test('nested lists of a document are bounded, for planning them would take exponential time', async () => {
  const data = (depth: number) => `{ a: ${'['.repeat(depth)}1${']'.repeat(depth)} }`
  const record = (depth: number) =>
    graph.graphql(
      graph.store,
      `mutation { recordEvent(input: { type: "a", userId: "u", data: ${data(depth)} }) { duplicate } }`,
    )
  expect((await record(60)).body.errors.map(({ message }) => message)).toEqual([
    'Lists in a document may be nested 5 deep. Send deeper values as variables.',
  ])
  expect(hits()).toEqual({ users: 0, events: 0 })
  await record(5)
  expect(hits()).toEqual({ users: 0, events: 1 })
})

const visitorOf = async (selection: string) => {
  const { body } = await graph.graphql(graph.store, `{ events { nodes { userId user { ${selection} } } } }`)
  expect(Object.keys(body)).toEqual(['data'])
  const { events } = body.data as unknown as { events: { nodes: { userId: string; user: unknown }[] } }
  const [registered, visitor] = events.nodes
  expect(registered).toEqual({ userId: 'u-1', user: expect.any(Object) })
  expect(visitor?.userId).toBe('visitor')
  return visitor?.user
}

test.each(['id', 'email', 'store { id }', '__typename id', 'id eventCount', 'email events { nodes { id } }'])(
  "the user of a visitor's event is null without an error when %s is selected",
  async (selection) => {
    expect(await visitorOf(selection)).toBeNull()
  },
)

test('statistics alone are null for a visitor, who has no user id', async () => {
  expect(await visitorOf('eventCount lastSeenAt events { nodes { id } }')).toEqual({
    eventCount: null,
    lastSeenAt: null,
    events: null,
  })
  // Representations of registered users only.
  expect(graph.events.requests.at(-1)?.variables['representations']).toHaveLength(1)
})

test('an operation on one subgraph sends nothing to the other', async () => {
  await graph.graphql(graph.store, '{ eventAmount(type: "purchase") { date eventAmount } }')
  expect(hits()).toEqual({ users: 0, events: 1 })
})

test("the caller's token and the request id are forwarded, and no other header", async () => {
  const answer = await graph.graphql(graph.store, jane, {}, { 'x-request-id': 'trace-1', cookie: 'a=b' })
  expect(answer.headers.get('x-request-id')).toBe('trace-1')
  expect(graph.users.requests[0]?.headers).toMatchObject({
    authorization: `Bearer ${graph.store}`,
    'x-request-id': 'trace-1',
    'content-type': 'application/json',
  })
  expect(graph.users.requests[0]?.headers).not.toHaveProperty('cookie')
  await graph.graphql(undefined, jane)
  expect(graph.users.requests[1]?.headers).not.toHaveProperty('authorization')
})

test.each([
  ['taken', 200, { code: 'EMAIL_TAKEN', field: 'input.email' }, 'input.email: is refused'],
  ['busy', 503, { code: 'DATABASE_UNAVAILABLE', retryAfter: 7 }, 'it: is refused'],
  ['boom', 200, { code: 'INTERNAL_SERVER_ERROR' }, 'Something went wrong on our side.'],
  ['odd', 200, { code: 'INTERNAL_SERVER_ERROR' }, 'Something went wrong on our side.'],
])('an error of a subgraph keeps its code and path only: %s', async (name, status, extensions, message) => {
  const answer = await graph.graphql(
    graph.store,
    `{ found: userByEmail(email: "${name}@example.org") { id } }`,
  )
  expect(answer.status).toBe(status)
  expect(answer.body).toEqual({ data: { found: null }, errors: [{ message, path: ['found'], extensions }] })
})

test("a subgraph's error is returned whatever its HTTP status", async () => {
  graph.users.respond = (reply) =>
    reply.code(401).send({ errors: [{ message: 'Revoked.', extensions: { code: 'KEY_REVOKED' } }] })
  const answer = await graph.graphql(graph.store, jane)
  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
  expect(answer.body.errors).toEqual([{ message: 'Revoked.', extensions: { code: 'KEY_REVOKED' } }])
})

const away = { code: 'SUBGRAPH_UNAVAILABLE', retryAfter: 1 }

test.each([
  [
    'answers 502 and HTML',
    (reply: never) => (reply as { code: (n: number) => unknown }).code(502) && '<html>',
  ],
  ['answers 200 and no JSON', () => 'pong'],
  ['answers JSON that is no GraphQL', () => ({ pong: true })],
  ['does not answer in time', () => new Promise(() => undefined)],
] as const)('a subgraph counts as unavailable when it %s', async (_what, answering) => {
  graph.users.respond = answering as never
  const answer = await graph.graphql(graph.store, `{ a: user(id: "u-1") { id } b: store(id: 1) { name } }`)
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
  expect(answer.body.data).toEqual({ a: null, b: null })
  expect(answer.body.errors.map(({ path, extensions }) => ({ path, extensions }))).toEqual([
    { path: ['a'], extensions: away },
    { path: ['b'], extensions: away },
  ])
  expect(JSON.stringify(answer.body)).not.toMatch(/users|127\.0\.0\.1|stack/)
})

test('data of one subgraph is returned while the other is unavailable', async () => {
  graph.users.respond = () => ''
  const { status, body } = await graph.graphql(graph.store, '{ events { nodes { id user { id email } } } }')
  expect(status).toBe(200)
  expect(body.data).toEqual({
    events: {
      nodes: [
        { id: '1', user: null },
        { id: '2', user: null },
      ],
    },
  })
  expect(body.errors).toEqual([
    { message: expect.any(String), path: ['events', 'nodes', 0, 'user', 'id'], extensions: away },
    { message: expect.any(String), path: ['events', 'nodes', 0, 'user', 'email'], extensions: away },
  ])
})

test('personal data is returned while the events service is unavailable', async () => {
  graph.events.respond = () => ''
  const { status, body } = await graph.graphql(
    graph.store,
    '{ userByEmail(email: "jane@example.org") { email count: eventCount } }',
  )
  expect(status).toBe(200)
  expect(body.data).toEqual({ userByEmail: { email: 'Jane@example.org', count: null } })
  expect(body.errors).toMatchObject([{ path: ['userByEmail', 'count'], extensions: away }])
})

test('a mutation is sent once, even when its response is lost', async () => {
  graph.events.respond = (reply) => reply.raw.destroy()
  const answer = await graph.graphql(
    graph.store,
    'mutation { recordEvent(input: { type: "a", userId: "u" }) { duplicate } }',
  )
  expect(answer.body.errors[0]?.extensions).toEqual(away)
  expect(graph.events.requests).toHaveLength(1)
})

test('an unavailable subgraph is 503 over GraphQL and REST, and other operations go on', async () => {
  await using own = await startGraph()
  await own.graphql(own.store, jane)
  await own.users.close()
  expect((await own.graphql(own.store, jane)).status).toBe(503)
  const rest = await own.rest(own.store, 'GET', '/api/user/jane@example.org')
  expect([rest.status, rest.body.code, rest.headers.get('retry-after')]).toEqual([503, away.code, '1'])
  expect((await own.graphql(own.store, '{ topEventTypes { type } }')).status).toBe(200)
  expect((await own.send('GET', '/health/ready')).status).toBe(200)
})

test('the gateway starts and serves while the users service is unavailable; tokens are 503 until it is back', async () => {
  await using gateway = await startGateway({
    USERS_URL: 'http://127.0.0.1:9',
    EVENTS_URL: 'http://127.0.0.1:9',
  })
  expect((await gateway.graphql(undefined, '{ __typename }')).body).toEqual({ data: { __typename: 'Query' } })
  const answer = await gateway.graphql(graph.store, '{ __typename }')
  expect([answer.status, answer.body.errors[0]?.extensions.code]).toEqual([503, 'SERVICE_UNAVAILABLE'])
})

test('a request that exceeds its deadline is answered with an error that says so', async () => {
  await using own = await startGraph({ REQUEST_TIMEOUT_MS: '200' })
  await own.graphql(own.store, '{ __typename }')
  own.users.respond = () => new Promise(() => undefined)
  expect((await own.graphql(own.store, jane)).body.errors[0]?.extensions).toEqual(away)
})
