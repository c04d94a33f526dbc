import { expect, test } from '@jest/globals'
import type { RestRoute } from '../src/rest-route.ts'
import { startGraphApp } from './graph-app.ts'

type App = Awaited<ReturnType<typeof startGraphApp>>

const json = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
})

const countsOf = async ({ metrics }: Pick<App, 'metrics'>): Promise<Record<string, number>> =>
  Object.fromEntries(
    (await metrics.errors.get()).values.map(({ labels: { code, route, operation }, value }) => [
      [code, route, operation].filter((label) => label !== '').join(' '),
      value,
    ]),
  )

const post = (query: string, more: object = {}, headers: Record<string, string> = {}) =>
  ['/graphql', json({ query, ...more }, headers)] as const

// Each is sent twice: first on the ordinary path, then, if it was valid, on the fast path.
const failures: readonly [string, readonly [string, RequestInit], Record<string, number>][] = [
  ['a syntax error', post('{'), { 'GRAPHQL_PARSE_FAILED /graphql': 1 }],
  ['two validation errors', post('{ nothing nowhere }'), { 'GRAPHQL_VALIDATION_FAILED /graphql': 2 }],
  [
    'a wrong variable',
    post('query ($a: Int) { echo(amount: $a) }', { variables: { a: 'x' } }),
    { 'BAD_USER_INPUT /graphql query': 1 },
  ],
  [
    'an unknown operation',
    post('query A { me }', { operationName: 'B' }),
    { 'OPERATION_RESOLUTION_FAILURE /graphql': 1 },
  ],
  ['no document', ['/graphql', json({})], { 'BAD_REQUEST /graphql': 1 }],
  ['a list of operations', ['/graphql', json([{ query: '{ me }' }])], { 'BAD_REQUEST /graphql': 1 }],
  [
    'a mutation by GET',
    [
      `/graphql?query=${encodeURIComponent('mutation { record(input: { type: "a" }) }')}`,
      { headers: { 'apollo-require-preflight': 'true' } },
    ],
    { 'BAD_REQUEST /graphql mutation': 1 },
  ],
  ['a simple request of another origin', ['/graphql?query=%7Bme%7D', {}], { 'BAD_REQUEST /graphql': 1 }],
  ['a body that is no JSON', ['/graphql', { ...json({}), body: '{' }], { 'BAD_REQUEST /graphql': 1 }],
  [
    'a persisted query',
    ['/graphql', json({ extensions: { persistedQuery: { version: 1, sha256Hash: 'a' } } })],
    { 'PERSISTED_QUERY_NOT_SUPPORTED /graphql': 1 },
  ],
  [
    'an operation that is too large',
    post(`{ ${'me '.repeat(6_000)} }`),
    { 'OPERATION_TOO_LARGE /graphql': 1 },
  ],
  [
    'an answer that is too large',
    post(
      `{ taken ${Array.from({ length: 20 }, (_, n) => `a${String(n)}: long(length: 500000)`).join(' ')} }`,
    ),
    { 'ANSWER_TOO_LARGE /graphql query': 1 },
  ],
  ['an error of a query', post('{ taken me }'), { 'EMAIL_TAKEN /graphql query': 1 }],
  [
    'two errors of one query',
    post('{ a: taken b: bug }'),
    { 'EMAIL_TAKEN /graphql query': 1, 'INTERNAL_SERVER_ERROR /graphql query': 1 },
  ],
  [
    'an error of a mutation',
    post('mutation { record(input: { type: "" }) }'),
    { 'BAD_USER_INPUT /graphql mutation': 1 },
  ],
  ['a bad token', post('{ me }', {}, { authorization: 'Bearer nonsense' }), { 'TOKEN_INVALID /graphql': 1 }],
  ['an error of a route', ['/taken', {}], { 'EMAIL_TAKEN /taken': 1 }],
  ['a bug behind a route', ['/bug', {}], { 'INTERNAL_SERVER_ERROR /bug': 1 }],
  ['nothing found by a route', ['/missing', {}], { 'USER_NOT_FOUND /missing': 1 }],
  ['a route without a token', ['/taken', { headers: { authorization: '' } }], { 'TOKEN_INVALID /taken': 1 }],
  ['no route', ['/nowhere', {}], { 'NOT_FOUND unknown': 1 }],
  ['no error', post('{ me }'), {}],
]

const row = (url: string, operation: string, more: Partial<RestRoute> = {}): RestRoute => ({
  method: 'GET',
  url,
  summary: url,
  tag: 'test',
  operation,
  variables: () => ({}),
  status: 200,
  answer: {},
  reply: (data) => data,
  ...more,
})

const routes: readonly RestRoute[] = [
  row('/taken', '{ taken }'),
  row('/bug', '{ bug }'),
  row('/missing', '{ thing(id: "2") { id } }', { missing: { field: 'thing', code: 'USER_NOT_FOUND' } }),
]

test.each(failures)(
  '%s is counted once for each error, when the response is sent',
  async (_what, request, expected) => {
    await using app = await startGraphApp(routes)
    for (const times of [1, 2]) {
      const [path, init] = request
      await (await app.send(path, init)).text()
      expect(await countsOf(app)).toEqual(
        Object.fromEntries(Object.entries(expected).map(([labels, count]) => [labels, count * times])),
      )
    }
  },
)

test('a server error is logged once, with its cause, the request and the key, over REST and GraphQL', async () => {
  await using app = await startGraphApp(routes)
  const request = async (id: string, path: string, init: RequestInit = {}) => {
    const headers = { ...(init.headers as object), 'x-request-id': id }
    await (await app.send(path, { ...init, headers })).text()
  }
  await request('rest', '/bug')
  const [path, init] = post('{ bug }')
  await request('graph-1', path, init)
  await request('graph-2', path, init)
  const lines = app
    .logged()
    .split('\n')
    .filter((line) => line.includes('unexpected error'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(lines).toEqual(
    ['rest', 'graph-1', 'graph-2'].map((reqId) =>
      expect.objectContaining({
        level: 'error',
        reqId,
        keyId: 'key',
        storeId: 1,
        code: 'INTERNAL_SERVER_ERROR',
        err: expect.objectContaining({ type: 'Error', stack: expect.stringContaining('graph-app.ts') }),
      }),
    ),
  )
})
