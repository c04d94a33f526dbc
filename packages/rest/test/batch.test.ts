import { expect, test } from '@jest/globals'
import {
  createAnswerReader,
  encodeAnswer,
  encodeBatch,
  maxBatch,
  type OperationAnswer,
  type OutgoingOperation,
} from '@user-stats/graphql'
import { gatewayCredential, gatewayCredentialHeader } from '@user-stats/http'
import { gatewaySecret, startGraphApp } from './graph-app.ts'
import { testLimits } from '@user-stats/http/testing'

type App = Awaited<ReturnType<typeof startGraphApp>>

const operation = (query: string, more: Partial<OutgoingOperation> = {}): OutgoingOperation => ({
  query,
  variables: '{}',
  sender: {},
  own: {},
  ...more,
})

/** By which a service recognises the gateway. */
const credential = { [gatewayCredentialHeader]: gatewayCredential(gatewaySecret) }

const json = (body: object) => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

/** Sends a batch and hands each answer on as it comes; resolves when all are there. */
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
  const read = createAnswerReader((place, { status, text }) => {
    expect(answers[place]).toBeUndefined()
    answers[place] = { status, body: JSON.parse(text) }
    onAnswer(place)
  })
  if (response.status === 200) for await (const chunk of response.body ?? []) read(chunk as Uint8Array)
  return { response, answers }
}

test('each operation of a batch is a request of its own, with its own caller, variables and answer', async () => {
  await using app = await startGraphApp()
  const sender = { authorization: `Bearer ${app.token}` }
  const admin = {
    authorization: `Bearer ${app.issuer.tokenFor({ role: 'ADMIN', keyId: 'other' })}`,
  }
  const echo = 'query ($text: String) { echo(text: $text) }'
  const { response, answers } = await send(app, [
    operation('{ me }', { sender }),
    operation('{ me }', { sender: admin }),
    operation('{ me }'),
    operation(echo, { sender, variables: '{"text":"a\\nb"}' }),
    operation(echo, { sender, variables: '{"text":7}' }),
    operation('{ me }', { sender: { authorization: 'Bearer nonsense' } }),
    operation('{ taken }', { sender }),
    operation('{ bug }', { sender }),
    operation('query A { me } query B { thing(id: "1") { name } }', { sender, operationName: 'B' }),
    operation('{ nothing }', { sender }),
  ])
  expect(response.headers.get('content-type')).toContain('application/x-ndjson')
  expect(answers).toMatchObject([
    { status: 200, body: { data: { me: 'STORE' } } },
    { status: 200, body: { data: { me: 'ADMIN' } } },
    { status: 200, body: { data: { me: 'NOBODY' } } },
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

test('an operation of a batch is answered as it would be alone, to the byte', async () => {
  await using app = await startGraphApp()
  const queries = ['{ me }', '{ taken me }', '{ leak }', '{ refused }', '{ away }', '{ nothing }', '{', '']
  // Twice: at first by the ordinary way, then by the short one.
  for (const _time of [1, 2]) {
    const alone = await Promise.all(
      queries.map(async (query) => {
        const response = await app.send('/graphql', {
          method: 'POST',
          headers: { 'content-type': 'application/json', prefer: 'return=minimal' },
          body: JSON.stringify({ query, variables: {} }),
        })
        return { status: response.status, body: await response.json() }
      }),
    )
    const sender = { authorization: `Bearer ${app.token}` }
    const { answers } = await send(
      app,
      queries.map((query) => operation(query, { sender })),
    )
    expect(answers).toEqual(alone)
  }
})

test('an answer goes out when it is ready: a slow operation holds up no other', async () => {
  await using app = await startGraphApp()
  const sender = { authorization: `Bearer ${app.token}` }
  let opened: Promise<Response> | undefined
  const { answers } = await send(
    app,
    [operation('{ waits(gate: "a") }', { sender }), operation('{ me }', { sender })],
    (place) => {
      // The first is answered only because the second has arrived.
      if (place === 1)
        opened = app.send('/graphql', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query: '{ opens(gate: "a") }' }),
        })
    },
  )
  expect((await opened)?.status).toBe(200)
  expect(answers.map(({ body }) => body)).toEqual([{ data: { waits: 'opened' } }, { data: { me: 'STORE' } }])
})

test('each operation of a batch is counted as a request alone would be', async () => {
  await using app = await startGraphApp([], testLimits, { caller: 3, anonymous: 2, failures: 2 })
  const sender = { authorization: `Bearer ${app.token}` }
  const statusesOf = async (operations: readonly OutgoingOperation[]) =>
    (await send(app, operations)).answers.map(({ status }) => status)
  const repeat = (count: number, more?: Partial<OutgoingOperation>) =>
    Array.from({ length: count }, () => operation('{ me }', more))

  expect(await statusesOf(repeat(5, { sender }))).toEqual([200, 200, 200, 429, 429])
  expect((await app.send('/graphql', { method: 'POST', ...json({ query: '{ me }' }) })).status).toBe(429)
  expect(await statusesOf(repeat(4))).toEqual([200, 200, 429, 429])
  const bad = await statusesOf(repeat(50, { sender: { authorization: 'Bearer nonsense' } }))
  expect(bad.filter((status) => status !== 429).length).toBeLessThanOrEqual(2)
  // A header of an operation cannot say that it comes from elsewhere.
  const elsewhere = { 'x-forwarded-for': '192.0.2.9', 'x-client-address': '192.0.2.9 seal' }
  expect(await statusesOf(repeat(1, { own: elsewhere }))).toEqual([429])
})

test('an operation goes by its own request id, or that of the batch if its own is none', async () => {
  await using app = await startGraphApp()
  const sender = { authorization: `Bearer ${app.token}` }
  const ids = ['own-1', 'a b', 'x'.repeat(65), '', 'line\nbreak', '{"a":1}', 'own-2']
  // Twice: at first by the ordinary way, then by the short one.
  for (const _time of [1, 2]) {
    const before = app.logged().length
    const { response, answers } = await send(
      app,
      ids.map((id) => operation('{ requestId bug }', { sender, own: { 'x-request-id': id } })),
    )
    const batch = response.headers.get('x-request-id')
    const known = ids.map((id) => (id.startsWith('own') ? id : batch))
    expect(answers.map(({ body }) => body)).toMatchObject(known.map((requestId) => ({ data: { requestId } })))
    // And so does what is logged of it.
    const lines = app.logged().slice(before).split('\n')
    const unexpected = lines.filter((line) => line.includes('unexpected error'))
    const logged = unexpected.map((line) => (JSON.parse(line) as { reqId: string }).reqId)
    expect(logged.sort()).toEqual(known.toSorted())
  }
})

test.each([
  ['no operations', { documents: [], senders: [], operations: [] }],
  ['a list', []],
  ['null', null],
  ['a document that is not there', { documents: [], senders: [{}], operations: [[0, 0, {}, {}]] }],
  [
    'a place of another kind',
    { documents: [['{ me }', null]], senders: [{}], operations: [['length', 0, {}, {}]] },
  ],
  [
    'a sender that is no headers',
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
])('%s is no batch: 400 and nothing is executed', async (_name, body) => {
  await using app = await startGraphApp()
  const response = await fetch(`${app.origin}/graphql/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...credential },
    body: JSON.stringify(body),
  })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_REQUEST' } }] })
})

test('a batch is taken from the gateway only: anybody else is refused before the body is read', async () => {
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
  // What is too large for one operation is refused to each; what is too large for a batch, to all.
  expect((await send(app, sized(1_000_000))).answers).toMatchObject([{ status: 401 }, { status: 401 }])
  const { response } = await send(
    app,
    sized(2_200_000).map((one, n) => ({ ...one, query: `${one.query}${String(n)}` })),
  )
  expect(response.status).toBe(413)
})

test('a form is no batch: a page of another origin cannot send one', async () => {
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

test('answers are read whatever pieces they arrive in', () => {
  const sent: readonly (readonly [number, OperationAnswer])[] = [
    [1, { status: 200, text: '{"data":{"a":"é,]\\n"}}' }],
    [0, { status: 503, text: '{"errors":[{"message":"x"}]}\n' }],
    [12, { status: 200, text: '{"data":null}' }],
  ]
  const bytes = Buffer.from(sent.map(([place, answer]) => encodeAnswer(place, answer)).join(''))
  for (let size = 1; size <= bytes.length; size += 1) {
    const got: unknown[] = []
    const read = createAnswerReader((...answer) => got.push(answer))
    for (let at = 0; at < bytes.length; at += size) read(bytes.subarray(at, at + size))
    expect(got).toEqual(sent.map(([place, { status, text }]) => [place, { status, text: text.trimEnd() }]))
  }
})

test('what operations have in common is sent once', () => {
  const sender = { authorization: 'Bearer abc' }
  const text = encodeBatch([
    operation('{ me }', { sender, own: { 'x-request-id': '1' } }),
    operation('{ me }', { sender, own: { 'x-request-id': '2' }, variables: '{"a":1}' }),
    operation('{ me }', { operationName: 'A' }),
  ])
  expect(JSON.parse(text)).toEqual({
    documents: [
      ['{ me }', null],
      ['{ me }', 'A'],
    ],
    senders: [sender, {}],
    operations: [
      [0, 0, { 'x-request-id': '1' }, {}],
      [0, 0, { 'x-request-id': '2' }, { a: 1 }],
      [1, 1, {}, {}],
    ],
  })
})
