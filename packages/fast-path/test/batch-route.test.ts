import { expect, test } from '@jest/globals'
import {
  createBatchReader,
  encodeBatch,
  encodeResponse,
  maxBatch,
  type OperationResponse,
  type OutgoingOperation,
} from '../src/batching/protocol.ts'
import { gatewayCredential, gatewayCredentialHeader } from '@user-stats/http'
import { gatewaySecret, startGraphApp } from './graph-app.ts'

type App = Awaited<ReturnType<typeof startGraphApp>>

const operation = (query: string, more: Partial<OutgoingOperation> = {}): OutgoingOperation => ({
  query,
  operationName: undefined,
  variables: '{}',
  callerHeaders: {},
  requestHeaders: {},
  ...more,
})

/** The header by which a subgraph recognises the gateway. */
const credential = { [gatewayCredentialHeader]: gatewayCredential(gatewaySecret) }

/** Sends a batch and reports each response as it arrives; resolves at the end of the last. */
async function send(
  { origin }: Pick<App, 'origin'>,
  operations: readonly OutgoingOperation[],
  onAnswer: (place: number) => void = () => undefined,
) {
  const response = await fetch(`${origin}/graphql/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...credential },
    body: encodeBatch(operations),
  })
  const answers: { status: number; body: unknown }[] = []
  const read = createBatchReader((place, { status, text }) => {
    expect(answers[place]).toBeUndefined()
    answers[place] = { status, body: JSON.parse(text) }
    onAnswer(place)
  })
  if (response.status === 200) for await (const chunk of response.body ?? []) read(chunk as Uint8Array)
  return { response, answers }
}

test('each operation of a batch has its own caller, variables and response', async () => {
  await using app = await startGraphApp()
  const callerHeaders = { authorization: `Bearer ${app.token}` }
  const admin = {
    authorization: `Bearer ${app.issuer.tokenFor({ role: 'ADMIN', keyId: 'other' })}`,
  }
  const echo = 'query ($text: String) { echo(text: $text) }'
  const { response, answers } = await send(app, [
    operation('{ me }', { callerHeaders }),
    operation('{ me }', { callerHeaders: admin }),
    operation('{ me }'),
    operation(echo, { callerHeaders, variables: '{"text":"a\\nb"}' }),
    operation(echo, { callerHeaders, variables: '{"text":7}' }),
    operation('{ me }', { callerHeaders: { authorization: 'Bearer nonsense' } }),
    operation('{ taken }', { callerHeaders }),
    operation('{ bug }', { callerHeaders }),
    operation('query A { me } query B { thing(id: "1") { name } }', { callerHeaders, operationName: 'B' }),
    operation('{ nothing }', { callerHeaders }),
  ])
  expect(response.headers.get('content-type')).toContain('application/x-ndjson')
  expect(answers).toMatchObject([
    { status: 200, body: { data: { me: 'STORE' } } },
    { status: 200, body: { data: { me: 'ADMIN' } } },
    { status: 200, body: { data: { me: 'ANONYMOUS' } } },
    { status: 200, body: { data: { echo: { text: 'a\nb' } } } },
    { status: 200, body: { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] } },
    { status: 401, body: { errors: [{ extensions: { code: 'TOKEN_INVALID' } }] } },
    { status: 200, body: { errors: [{ extensions: { code: 'EMAIL_TAKEN', field: 'email' } }] } },
    { status: 200, body: { errors: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }] } },
    { status: 200, body: { data: { thing: { name: 'One' } } } },
    { status: 200, body: { errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] } },
  ])
  expect(JSON.stringify(answers)).not.toContain('jane.doe')
})

test('an operation has the same response in a batch as in a request of its own', async () => {
  await using app = await startGraphApp()
  const queries = ['{ me }', '{ taken me }', '{ leak }', '{ refused }', '{ away }', '{ nothing }', '{', '']
  // The first time on the ordinary path, then on the fast one.
  for (const _time of [1, 2]) {
    const alone = await Promise.all(
      queries.map(async (query) => {
        const response = await app.post({ query, variables: {} }, { prefer: 'return=minimal' })
        return { status: response.status, body: await response.json() }
      }),
    )
    const callerHeaders = { authorization: `Bearer ${app.token}` }
    const { answers } = await send(
      app,
      queries.map((query) => operation(query, { callerHeaders })),
    )
    expect(answers).toEqual(alone)
  }
})

test('a response is sent when it is ready: a slow operation delays no other', async () => {
  await using app = await startGraphApp()
  const callerHeaders = { authorization: `Bearer ${app.token}` }
  let opened: Promise<Response> | undefined
  const { answers } = await send(
    app,
    [operation('{ waits(gate: "a") }', { callerHeaders }), operation('{ me }', { callerHeaders })],
    (place) => {
      // The response to the second operation makes the first one finish.
      if (place === 1) opened = app.post({ query: '{ opens(gate: "a") }' })
    },
  )
  expect((await opened)?.status).toBe(200)
  expect(answers.map(({ body }) => body)).toEqual([{ data: { waits: 'opened' } }, { data: { me: 'STORE' } }])
})

test('each operation of a batch counts towards rate limits as a request of its own', async () => {
  await using app = await startGraphApp({ caller: 3, anonymous: 2, failures: 2 })
  const callerHeaders = { authorization: `Bearer ${app.token}` }
  const statusesOf = async (operations: readonly OutgoingOperation[]) =>
    (await send(app, operations)).answers.map(({ status }) => status)
  const repeat = (count: number, more?: Partial<OutgoingOperation>) =>
    Array.from({ length: count }, () => operation('{ me }', more))

  expect(await statusesOf(repeat(5, { callerHeaders }))).toEqual([200, 200, 200, 429, 429])
  expect((await app.post({ query: '{ me }' })).status).toBe(429)
  expect(await statusesOf(repeat(4))).toEqual([200, 200, 429, 429])
  const bad = await statusesOf(repeat(50, { callerHeaders: { authorization: 'Bearer nonsense' } }))
  expect(bad.filter((status) => status !== 429).length).toBeLessThanOrEqual(2)
  // A header of an operation cannot change the client's address.
  const elsewhere = { 'x-forwarded-for': '192.0.2.9', 'x-client-address': '192.0.2.9 seal' }
  expect(await statusesOf(repeat(1, { requestHeaders: elsewhere }))).toEqual([429])
})

test('an operation has its own request id, or that of the batch if its own is invalid', async () => {
  await using app = await startGraphApp()
  const callerHeaders = { authorization: `Bearer ${app.token}` }
  const ids = ['own-1', 'a b', 'x'.repeat(65), '', 'line\nbreak', '{"a":1}', 'own-2']
  // The first time on the ordinary path, then on the fast one.
  for (const _time of [1, 2]) {
    const before = app.logged().length
    const { response, answers } = await send(
      app,
      ids.map((id) =>
        operation('{ requestId bug }', { callerHeaders, requestHeaders: { 'x-request-id': id } }),
      ),
    )
    const batch = response.headers.get('x-request-id')
    const known = ids.map((id) => (id.startsWith('own') ? id : batch))
    expect(answers.map(({ body }) => body)).toMatchObject(known.map((requestId) => ({ data: { requestId } })))
    // Log lines have the same ids.
    const lines = app.logged().slice(before).split('\n')
    const unexpected = lines.filter((line) => line.includes('unexpected error'))
    const logged = unexpected.map((line) => (JSON.parse(line) as { reqId: string }).reqId)
    expect(logged.sort()).toEqual(known.toSorted())
  }
})

test('each error in a batch is counted once, and summed up under the caller of its operation', async () => {
  await using app = await startGraphApp()
  const callerHeaders = { authorization: `Bearer ${app.token}` }
  const batch = [
    operation('{', { callerHeaders }),
    operation('{ taken }', { callerHeaders }),
    operation('{ taken }'),
    operation('{ me }', { callerHeaders: { authorization: 'Bearer nonsense' } }),
    operation('{ me }', { callerHeaders }),
  ]
  // The first time on the ordinary path, then on the fast one.
  for (const _time of [1, 2]) await send(app, batch)
  await (await fetch(`${app.origin}/graphql/batch`, { method: 'POST' })).text()
  const { values } = await app.metrics.errors.get()
  expect(
    values.map(({ labels: { code, route, operation }, value }) => [code, route, operation, value]),
  ).toEqual(
    expect.arrayContaining([
      ['GRAPHQL_PARSE_FAILED', '/graphql/batch', '', 2],
      ['EMAIL_TAKEN', '/graphql/batch', 'query', 4],
      ['TOKEN_INVALID', '/graphql/batch', '', 2],
      ['FORBIDDEN', '/graphql/batch', '', 1],
    ]),
  )
  expect(values).toHaveLength(4)
  app.app.errors.flush()
  expect(app.logged()).toContain(
    '"keyId":"key","storeId":1,"refused":{"GRAPHQL_PARSE_FAILED":2,"EMAIL_TAKEN":2}',
  )
})

test.each([
  ['no operations', { documents: [], senders: [], operations: [] }],
  ['a list', []],
  ['null', null],
  ['a missing document', { documents: [], senders: [{}], operations: [[0, 0, {}, {}]] }],
  [
    'an index of another type',
    { documents: [['{ me }', null]], senders: [{}], operations: [['length', 0, {}, {}]] },
  ],
  [
    'a sender that is not an object of headers',
    { documents: [['{ me }', null]], senders: [{ a: 1 }], operations: [[0, 0, {}, {}]] },
  ],
  [
    'variables that are a list',
    { documents: [['{ me }', null]], senders: [{}], operations: [[0, 0, {}, []]] },
  ],
  ['a document without text', { documents: [[7, null]], senders: [{}], operations: [[0, 0, {}, {}]] }],
  [
    'too many operations',
    {
      documents: [['{ me }', null]],
      senders: [{}],
      operations: Array.from({ length: maxBatch + 1 }, () => [0, 0, {}, {}]),
    },
  ],
])('%s is rejected as a batch with 400, and nothing is executed', async (_name, body) => {
  await using app = await startGraphApp()
  const response = await fetch(`${app.origin}/graphql/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...credential },
    body: JSON.stringify(body),
  })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] })
})

test('a batch is accepted from the gateway only: other clients are rejected before the body is read', async () => {
  await using app = await startGraphApp()
  const forged = gatewayCredential('another-secret-of-a-gateway')
  for (const headers of [
    {},
    { authorization: `Bearer ${app.token}` },
    { authorization: `Bearer ${app.issuer.tokenFor({ role: 'ADMIN', keyId: 'admin' })}` },
    { authorization: `Bearer ${app.issuer.tokenFor({ role: 'SERVICE', service: 'users' })}` },
    { [gatewayCredentialHeader]: '' },
    { [gatewayCredentialHeader]: gatewaySecret },
    { [gatewayCredentialHeader]: forged },
  ])
    for (const body of [encodeBatch([operation('{ me }')]), '{"no": JSON', '[]']) {
      const response = await fetch(`${app.origin}/graphql/batch`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
      })
      expect(response.status).toBe(403)
      expect(await response.json()).toMatchObject({
        errors: [
          { extensions: { code: 'FORBIDDEN' }, message: expect.stringContaining('from the gateway only') },
        ],
      })
    }
})

test('a batch is bounded as a whole', async () => {
  await using app = await startGraphApp()
  const sized = (bytes: number): OutgoingOperation[] =>
    Array.from({ length: 2 }, () => operation(`{ me } # ${'x'.repeat(bytes / 2)}`))
  // A document beyond the limit of one operation fails by itself; a batch beyond its limit fails as a whole.
  expect((await send(app, sized(1_000_000))).answers).toMatchObject([{ status: 401 }, { status: 401 }])
  const { response } = await send(
    app,
    sized(2_200_000).map((one, n) => ({ ...one, query: `${one.query}${String(n)}` })),
  )
  expect(response.status).toBe(413)
})

test('a form is rejected as a batch: a page of another origin cannot send one', async () => {
  await using app = await startGraphApp()
  for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
    const response = await fetch(`${app.origin}/graphql/batch`, {
      method: 'POST',
      headers: { 'content-type': type, ...credential },
      body: encodeBatch([operation('{ me }')]),
    })
    expect([400, 415]).toContain(response.status)
  }
})

test('responses are read from pieces of any size', () => {
  const sent: readonly (readonly [number, OperationResponse])[] = [
    [1, { status: 200, text: '{"data":{"a":"é,]\\n"}}' }],
    [0, { status: 503, text: '{"errors":[{"message":"x"}]}\n' }],
    [12, { status: 200, text: '{"data":null}' }],
  ]
  const bytes = Buffer.from(sent.map(([place, answer]) => encodeResponse(place, answer)).join(''))
  for (let size = 1; size <= bytes.length; size += 1) {
    const got: unknown[] = []
    const read = createBatchReader((...answer) => got.push(answer))
    for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size))
    expect(got).toEqual(sent.map(([place, { status, text }]) => [place, { status, text: text.trimEnd() }]))
  }
})

test('a document or caller that operations share is sent once', () => {
  const callerHeaders = { authorization: 'Bearer abc' }
  const text = encodeBatch([
    operation('{ me }', { callerHeaders, requestHeaders: { 'x-request-id': '1' } }),
    operation('{ me }', { callerHeaders, requestHeaders: { 'x-request-id': '2' }, variables: '{"a":1}' }),
    operation('{ me }', { operationName: 'A' }),
  ])
  expect(JSON.parse(text)).toEqual({
    documents: [
      ['{ me }', null],
      ['{ me }', 'A'],
    ],
    senders: [callerHeaders, {}],
    operations: [
      [0, 0, { 'x-request-id': '1' }, {}],
      [0, 0, { 'x-request-id': '2' }, { a: 1 }],
      [1, 1, {}, {}],
    ],
  })
})
