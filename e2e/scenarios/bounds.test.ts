import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { authenticate, call, type LegacyAnswer } from '../support/legacy-client.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'

/** The maximum length of a list. */
const most = 10_000
const ports = ['gateway', 'users', 'events'] as const
type Port = (typeof ports)[number]

let stack: TestStack
let admin: string
let storeId: number
let token: string
beforeAll(async () => {
  stack = await startTestStack()
  const { gateway } = stack.urls
  admin = await authenticate(gateway, stack.adminApiKey)
  const { body } = await call(gateway, 'POST', '/api/store', { token: admin, body: { name: 'Shoes' } })
  storeId = body.id
  token = await authenticate(gateway, body.api_key)
  const visitors = Array.from({ length: most }, (_, n) => ({ type: 'view', user_id: `visitor ${String(n)}` }))
  const recorded = await send('gateway', '/api/events', JSON.stringify(visitors))
  expect(recorded.body).toMatchObject({ accepted: most, rejected: 0 })
}, 180_000)
afterAll(async () => {
  await stack.stop()
}, 60_000)

/** Sends a text as it is. */
async function send(port: Port, path: string, body: string, type = 'application/json') {
  const response = await fetch(stack.urls[port] + path, {
    method: 'POST',
    headers: { 'content-type': type, authorization: `Bearer ${token}` },
    body,
  })
  const answer: any = await response.json()
  return { status: response.status, body: answer }
}
const graphql = (port: Port, query: string, variables: object = {}): Promise<LegacyAnswer> =>
  call(stack.urls[port], 'POST', '/graphql', { token, body: { query, variables } })

test('every REST list returns its documented maximum, and one more is refused by name', async () => {
  let lists = 0
  for (const port of ports) {
    const { body: document } = await call(stack.urls[port], 'GET', '/openapi.json')
    for (const [path, methods] of Object.entries<any>(document.paths)) {
      const parameters: { name: string; in: string }[] = methods.get?.parameters ?? []
      if (!parameters.some(({ name }) => name === 'limit')) continue
      lists += 1
      const url = path.replace('{type}', 'view').replace('{store_id}', String(storeId))
      const request = (limit: number): Promise<LegacyAnswer> =>
        call(stack.urls[port], 'GET', `${url}?limit=${String(limit)}`, { token: admin })
      const full = await request(most)
      expect([port, path, full.status, Array.isArray(full.body)]).toEqual([port, path, 200, true])
      for (const limit of [most + 1, -1]) {
        const { status, body } = await request(limit)
        expect([port, path, status, body.code, body.field]).toEqual([
          port,
          path,
          422,
          'BAD_USER_INPUT',
          'limit',
        ])
        expect(body.message).toMatch(limit < 0 ? /^limit: .*\b0$/ : /^limit: .*\b10000$/)
      }
    }
  }
  expect(lists).toBeGreaterThanOrEqual(7)
}, 120_000)

test('ten thousand entities are looked up in the other service under the default limits', async () => {
  const joined = 'query($first: Int!) { events(first: $first) { nodes { userId user { email } } } }'
  const { status, body } = await graphql('gateway', joined, { first: most })
  expect([status, body.errors]).toEqual([200, undefined])
  const { nodes } = body.data.events
  expect(new Set(nodes.map((node: any) => node.userId)).size).toBe(most)
  // None of them is registered: the users service is queried for each.
  expect(new Set(nodes.map((node: any) => node.user))).toEqual(new Set([null]))
  expect(body.extensions.cost.requested).toBe(2 * most + 1)

  const oneMore = await graphql('gateway', joined, { first: most + 1 })
  expect(oneMore.body.errors).toMatchObject([
    { message: expect.stringMatching(/10,000/), extensions: { code: 'BAD_USER_INPUT', field: 'first' } },
  ])
  // Two such joins exceed the cost limit of one operation.
  const wider = '{ events(first: 10000) { nodes { user { firstName } store { name } } } }'
  expect((await graphql('gateway', wider)).body.errors).toMatchObject([
    {
      message: expect.stringContaining('at most 25000 are allowed'),
      extensions: { code: 'OPERATION_TOO_LARGE', limit: 'cost', requested: 3 * most + 1, maximum: 25_000 },
    },
  ])
}, 120_000)

const nested = (levels: number, open: string, inner: string, close: string): string =>
  open.repeat(levels) + inner + close.repeat(levels)
const eventWith = (data: string): string => `{"type":"view","user_id":"v","data":${data}}`
const mutation =
  'mutation($data: JSONObject!) { recordEvent(input: { type: "view", userId: "v", data: $data }) { duplicate } }'

test.each([
  ['objects', nested(2_000, '{"a":', '1', '}')],
  ['arrays', `{"a":${nested(2_000, '[', '', ']')}}`],
])('data of two thousand nested %s is refused by name on every port', async (_what, data) => {
  for (const port of ['gateway', 'events'] as const) {
    const rest = await send(port, '/api/event', eventWith(data))
    expect([rest.status, rest.body.code]).toEqual([422, 'BAD_USER_INPUT'])
    expect(rest.body.message).toMatch(/nested/)
    const graph = await send(
      port,
      '/graphql',
      `{"query":${JSON.stringify(mutation)},"variables":{"data":${data}}}`,
    )
    expect([graph.status, graph.body.errors[0].extensions.code]).toEqual([400, 'BAD_USER_INPUT'])
    expect(graph.body.errors[0].message).toMatch(/nested/)
    const bulk = await send(
      port,
      '/api/events',
      `${eventWith(data)}\n${eventWith('{}')}`,
      'application/x-ndjson',
    )
    expect(bulk.body).toMatchObject({
      accepted: 1,
      rejected: 1,
      errors: [{ line: 1, code: 'BAD_USER_INPUT', message: expect.stringMatching(/nested/) }],
    })
  }
})

test('data of thirty-two levels is accepted; one more is refused by name', async () => {
  const levels = (count: number): string => nested(count, '{"a":', '1', '}')
  expect((await send('gateway', '/api/event', eventWith(levels(32)))).status).toBe(201)
  const { status, body } = await send('gateway', '/api/event', eventWith(levels(33)))
  expect([status, body.code, body.field]).toEqual([422, 'BAD_USER_INPUT', 'data'])
  expect(body.message).toContain('32')
})

test.each([
  ['fields', nested(2_000, '{a', '', '}')],
  [
    'objects of a literal',
    `mutation { recordEvent(input: { type: "view", userId: "v", data: ${nested(2_000, '{a:', '1', '}')} }) { duplicate } }`,
  ],
  ['lists of a literal', `{ topEventTypes(limit: ${nested(2_000, '[', '', ']')}) { type } }`],
])('a document with two thousand nested %s is refused by name on every port', async (_what, query) => {
  for (const port of ports) {
    const { status, body } = await graphql(port, query)
    expect([status, body.errors]).toMatchObject([
      400,
      [{ extensions: { code: 'OPERATION_TOO_LARGE', limit: expect.stringMatching(/^(nesting|tokens)$/) } }],
    ])
  }
})
