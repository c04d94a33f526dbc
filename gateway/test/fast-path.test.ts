import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { createTestIssuer } from '@user-stats/testing/tokens'
import { startGateway } from './support/gateway.ts'
import { startEvents, startUsers } from './support/stub-subgraphs.ts'
import type { StubSubgraph } from './support/stub-subgraph.ts'

type Gateway = Awaited<ReturnType<typeof startGateway>>

const issuer = createTestIssuer()
const tokens: Readonly<Record<string, string>> = {
  store: issuer.tokenFor({ role: 'STORE', keyId: 'k-1', storeId: 1 }),
  admin: issuer.tokenFor({ role: 'ADMIN', keyId: 'k-2' }),
}
let users: StubSubgraph
let events: StubSubgraph
let ordinary: Gateway
let fast: Gateway

beforeAll(async () => {
  users = await startUsers(issuer)
  events = await startEvents()
  const urls = { USERS_URL: users.origin, EVENTS_URL: events.origin }
  const timing = { subgraphTimeout: 300 }
  ordinary = await startGateway({ ...urls, FAST_PATH: 'false' }, timing)
  fast = await startGateway({ ...urls, FAST_PATH: 'true' }, timing)
})
afterAll(async () => {
  for (const gateway of [ordinary, fast]) await gateway[Symbol.asyncDispose]()
  await users.close()
  await events.close()
})
beforeEach(() => {
  for (const subgraph of [users, events]) {
    subgraph.requests.length = 0
    subgraph.respond = undefined
  }
})

interface Operation {
  readonly query: string
  readonly variables?: unknown
  readonly operationName?: unknown
  readonly caller?: 'store' | 'admin' | 'anonymous'
}

/** Everything of a response that a client can see. */
async function send(gateway: Gateway, { caller = 'store', ...body }: Operation, headers: object = {}) {
  const token = tokens[caller]
  const response = await fetch(`${gateway.origin}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-request-id': 'r-1',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: JSON.stringify(body),
  })
  const visible = [...response.headers].filter(
    ([name]) => !['date', 'connection', 'keep-alive', 'ratelimit'].includes(name),
  )
  return { status: response.status, headers: Object.fromEntries(visible), text: await response.text() }
}

const record = `mutation Record($input: RecordEventInput!) {
  recordEvent(input: $input) { event { number: id type userId data createdAt } duplicate }
}`
const input = { type: 'a', userId: 'u', data: { errors: 0, deep: { list: [1, null, 'é\u2028'] } } }
const byEmail = 'query ($email: String!) { userByEmail(email: $email) { id email phone } }'

const operations: readonly (readonly [string, Operation])[] = [
  ['a mutation', { query: record, variables: { input } }],
  [
    'the same with data that has no such names',
    { query: record, variables: { input: { ...input, data: {} } } },
  ],
  [
    'a mutation with literals',
    {
      query: record
        .replace('($input: RecordEventInput!)', '')
        .replace('$input', '{ type: "a", userId: "u" }'),
    },
  ],
  ['an unknown variable beside those declared', { query: record, variables: { input, more: 1 } }],
  ['a variable of the wrong type', { query: record, variables: { input: { ...input, type: 1 } } }],
  ['a member that does not exist', { query: record, variables: { input: { ...input, phone: 1 } } }],
  ['no variables where some are required', { query: record }],
  ['null variables', { query: '{ storeEventAmount(storeId: 1) { date eventAmount } }', variables: null }],
  ['variables that are no object', { query: record, variables: [1] }],
  ['an aggregate', { query: '{ eventAmount(type: "a") { date eventAmount } }' }],
  ['aliases', { query: '{ a: eventAmount(type: "a") { day: date } b: eventAmount(type: "b") { date } }' }],
  [
    'fields twice',
    { query: '{ eventAmount(type: "a") { date date } eventAmount(type: "a") { eventAmount } }' },
  ],
  ['a fragment', { query: 'query { eventAmount(type: "a") { ...d } } fragment d on DailyAmount { date }' }],
  ['a type name', { query: '{ __typename eventAmount(type: "a") { __typename date } }' }],
  [
    '@skip',
    {
      query: 'query ($s: Boolean!) { eventAmount(type: "a") { date eventAmount @skip(if: $s) } }',
      variables: { s: true },
    },
  ],
  [
    '@include twice',
    { query: '{ eventAmount(type: "a") { date @include(if: true) date @include(if: false) } }' },
  ],
  ['both subgraphs', { query: '{ events { nodes { id user { id email eventCount } store { name } } } }' }],
  [
    'both subgraphs under other names',
    {
      query:
        '{ e: events { list: nodes { n: id who: user { mail: email name: username } store { name } } } }',
    },
  ],
  [
    'a user with what the events service knows',
    { query: '{ user(id: "u-1") { id eventCount lastSeenAt } }' },
  ],
  [
    'there and back',
    { query: '{ user(id: "u-1") { email events { nodes { id user { email eventCount } } } } }' },
  ],
  ['what the events service knows of a visitor', { query: '{ events { nodes { user { eventCount } } } }' }],
  [
    'a variable for the second subgraph',
    {
      query: 'query ($first: Int!) { user(id: "u-1") { id events(first: $first) { nodes { id } } } }',
      variables: { first: 3 },
    },
  ],
  [
    'a wrong variable for the second subgraph',
    {
      query: 'query ($first: Int!) { user(id: "u-1") { id events(first: $first) { nodes { id } } } }',
      variables: { first: 'x' },
    },
  ],
  [
    'both subgraphs by an anonymous caller',
    { query: '{ events { nodes { user { email } } } }', caller: 'anonymous' },
  ],
  ['null for what is not there', { query: byEmail, variables: { email: 'nobody@example.org' } }],
  ['an error with a field', { query: byEmail, variables: { email: 'taken@example.org' } }],
  ['an error that is masked', { query: byEmail, variables: { email: 'boom@example.org' } }],
  ['an error that is not in the catalogue', { query: byEmail, variables: { email: 'odd@example.org' } }],
  ['an error that says when to retry', { query: byEmail, variables: { email: 'busy@example.org' } }],
  [
    'enums',
    {
      query: 'mutation { createApiKey(input: { role: ADMIN, name: "x" }) { apiKey { role name } secret } }',
      caller: 'admin',
    },
  ],
  ['a document that does not parse', { query: '{' }],
  ['a document that is not valid', { query: '{ evnts }' }],
  [
    'one of two operations',
    { query: 'query A { eventAmount(type: "a") { date } } query B { __typename }', operationName: 'A' },
  ],
  ['no one of two operations', { query: 'query A { __typename } query B { __typename }' }],
  ['an operation that is not there', { query: 'query A { __typename }', operationName: 'B' }],
  ['an empty name', { query: 'query A { __typename }', operationName: '' }],
  ['introspection', { query: '{ __type(name: "Event") { name } }' }],
  ['introspection by an anonymous caller', { query: '{ __schema { types { name } } }', caller: 'anonymous' }],
  ['data by an anonymous caller', { query: '{ eventAmount(type: "a") { date } }', caller: 'anonymous' }],
]

test.each(operations)(
  'the fast path answers %s as the ordinary path does, to the byte',
  async (_name, operation) => {
    for (const accept of ['application/json', 'application/graphql-response+json']) {
      const expected = await send(ordinary, operation, { accept })
      // The first request takes the ordinary path on both; the next ones do not.
      for (let round = 0; round < 3; round += 1)
        expect(await send(fast, operation, { accept })).toEqual(expected)
    }
  },
)

test.each(['breaks the connection', 'answers no JSON'])(
  'the fast path reports the same error when a subgraph %s',
  async (fault) => {
    const operation = {
      query: '{ a: eventAmount(type: "down") { date } storeEventAmount(storeId: 1) { date } }',
    }
    for (let round = 0; round < 2; round += 1) await send(fast, operation)
    events.respond = (reply) =>
      fault === 'breaks the connection' ? reply.raw.destroy() : reply.send('<html>')
    const expected = await send(ordinary, operation)
    events.requests.length = 0
    expect(await send(fast, operation)).toEqual(expected)
    // Sent once: a request without a response may have been carried out.
    expect(events.requests).toHaveLength(1)
  },
)

test.each(['breaks the connection', 'answers no JSON', 'answers an error', 'leaves an entity out'])(
  'the fast path reports the same error when the second subgraph %s, and sends the first one request',
  async (fault) => {
    const operation = { query: '{ events { nodes { id user { email } } pageInfo { hasNextPage } } }' }
    for (let round = 0; round < 2; round += 1) await send(fast, operation)
    const error = {
      message: 'x',
      path: ['_entities', 0, 'email'],
      extensions: { code: 'DATABASE_UNAVAILABLE' },
    }
    users.respond = (reply) => {
      if (fault === 'breaks the connection') return reply.raw.destroy()
      if (fault === 'answers no JSON') return reply.send('<html>')
      if (fault === 'answers an error')
        return reply.send({ data: { _entities: [null, null] }, errors: [error] })
      return reply.send({ data: { _entities: [null] } })
    }
    const expected = await send(ordinary, operation)
    events.requests.length = 0
    expect(await send(fast, operation)).toEqual(expected)
    expect(events.requests).toHaveLength(1)
  },
)

test('a subgraph that hangs counts as unavailable after its timeout on both paths', async () => {
  const operation = { query: '{ eventAmount(type: "slow") { date } }' }
  for (let round = 0; round < 2; round += 1) await send(fast, operation)
  events.respond = () => new Promise(() => undefined)
  const expected = await send(ordinary, operation)
  expect(expected).toMatchObject({ status: 503, text: expect.stringContaining('SUBGRAPH_UNAVAILABLE') })
  expect(await send(fast, operation)).toEqual(expected)
})

test('a forwarded operation is the one of the query plan, with declared variables only', async () => {
  const operation = { query: record, variables: { input, more: 1 } }
  await send(fast, operation)
  const [first] = events.requests
  await send(fast, operation)
  const [, second] = events.requests
  expect(second).toMatchObject({ query: first?.query, variables: first?.variables })
  expect(second?.headers.authorization).toBe(`Bearer ${tokens['store'] ?? ''}`)
  expect(second?.variables).toEqual({ input })
})

test('a request with unusual headers takes the ordinary path', async () => {
  const query = '{ eventAmount(type: "a") { date } }'
  for (let round = 0; round < 2; round += 1) await send(fast, { query })
  for (const headers of [
    { accept: 'text/html' },
    { 'content-type': 'text/plain' },
    { accept: 'application/json, */*;q=0.1' },
  ])
    expect(await send(fast, { query }, headers)).toEqual(await send(ordinary, { query }, headers))
})
