import { expect, test } from '@jest/globals'
import { auditServer } from 'graphql-http'
import { createTestIssuer } from '@user-stats/testing/tokens'
import { startGraphApp } from './graph-app.ts'

type App = Awaited<ReturnType<typeof startGraphApp>>

interface Answer {
  readonly data?: Record<string, unknown> | null
  readonly errors?: { message: string; path?: unknown; extensions: Record<string, unknown> }[]
}

/** Sends an operation as a store, or with `null` anonymously. */
async function request(
  app: App,
  query: string,
  variables?: object,
  authorization: string | null = `Bearer ${app.token}`,
) {
  const response = await fetch(`${app.origin}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(authorization !== null && { authorization }) },
    body: JSON.stringify({ query, variables }),
  })
  const text = await response.text()
  return { response, status: response.status, text, answer: JSON.parse(text) as Answer }
}

const codesOf = ({ errors }: Answer) => errors?.map(({ extensions }) => extensions['code'])

const record = 'mutation ($input: RecordInput!) { record(input: $input) }'

test('the service conforms to GraphQL over HTTP: no failed MUST, no failed SHOULD', async () => {
  await using app = await startGraphApp()
  const results = await auditServer({
    url: `${app.origin}/graphql`,
    fetchFn: fetch,
  })
  const failed = results.filter(({ status }) => status === 'error' || status === 'warn')
  expect(failed.map(({ id, name }) => `${id} ${name}`)).toEqual([])
  expect(results.length).toBeGreaterThan(50)
})

test('a browser that opens the endpoint gets JSON, not a page with external scripts', async () => {
  await using app = await startGraphApp()
  for (const accept of [
    'text/html',
    'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'text/html, */*',
  ]) {
    const response = await fetch(`${app.origin}/graphql`, { headers: { accept } })
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await response.text()).not.toContain('<')
  }
})

test.each([
  ['garbage', 'TOKEN_INVALID'],
  ['Basic dXNlcjpwYXNz', 'TOKEN_INVALID'],
  [`Bearer ${createTestIssuer().tokenFor({ role: 'ADMIN', keyId: 'key' })}`, 'TOKEN_INVALID'],
])('a bad token is 401 before anything is executed', async (authorization, code) => {
  await using app = await startGraphApp()
  const { response, status, answer } = await request(app, '{ me }', {}, authorization)
  expect(status).toBe(401)
  expect(response.headers.get('www-authenticate')).toBe('Bearer')
  expect(codesOf(answer)).toEqual([code])
  expect(answer.data).toBeUndefined()
})

test('an expired token is 401 with a code of its own', async () => {
  await using app = await startGraphApp()
  const expired = app.issuer.tokenFor({ role: 'ADMIN', keyId: 'key' }, -60)
  const { status, answer } = await request(app, '{ me }', {}, `Bearer ${expired}`)
  expect({ status, codes: codesOf(answer) }).toEqual({ status: 401, codes: ['TOKEN_EXPIRED'] })
})

test('resolvers receive the caller, also an anonymous one', async () => {
  await using app = await startGraphApp()
  expect((await request(app, '{ me }')).answer.data).toEqual({ me: 'STORE' })
  expect((await request(app, '{ me }', {}, null)).answer.data).toEqual({ me: 'ANONYMOUS' })
})

test.each(['bug', 'leak'])('an internal error is masked: no message, no stack (%s)', async (field) => {
  await using app = await startGraphApp()
  const { answer, text } = await request(app, `{ me ${field} }`)
  expect(answer).toMatchObject({
    data: { me: 'STORE', [field]: null },
    errors: [{ message: 'Something went wrong on our side.', path: [field] }],
  })
  expect(answer.errors?.[0]?.extensions).toEqual({ code: 'INTERNAL_SERVER_ERROR' })
  expect(text).not.toMatch(/jane|stack|\.ts|duplicate/)
  expect(app.logged()).toContain('unexpected error')
  expect(app.logged()).not.toContain('jane')
})

test('domain errors keep code and field; outages have Retry-After', async () => {
  await using app = await startGraphApp()
  const taken = await request(app, '{ taken }')
  expect(taken.answer.errors?.[0]).toMatchObject({ extensions: { code: 'EMAIL_TAKEN', field: 'email' } })
  const away = await request(app, '{ away }')
  expect(away.status).toBe(503)
  expect(away.response.headers.get('retry-after')).toBe('1')
  expect(away.answer.errors?.[0]?.extensions).toEqual({ code: 'DATABASE_UNAVAILABLE', retryAfter: 1 })
  expect(away.text).not.toContain('hunter2')
  // With partial data it is a result.
  expect((await request(app, '{ me away }')).status).toBe(200)
  expect((await request(app, '{ refused }')).status).toBe(401)
})

test('suggestions are for authenticated callers', async () => {
  await using app = await startGraphApp()
  const wrong = '{ thin }'
  expect((await request(app, wrong)).text).toContain('Did you mean')
  const { answer, text } = await request(app, wrong, {}, null)
  expect(codesOf(answer)).toEqual(['GRAPHQL_VALIDATION_FAILED'])
  expect(text).not.toMatch(/Did you mean|thing/)
  for (const input of [{ tipe: 'a' }, { type: 'a', mode: 'FASTER' }])
    expect((await request(app, record, { input }, null)).text).not.toMatch(/Did you mean|\\"FAST/)
})

test('introspection is for authenticated callers', async () => {
  await using app = await startGraphApp()
  const introspection = '{ __schema { types { name } } }'
  expect((await request(app, introspection)).text).toContain('Thing')
  for (const query of [
    introspection,
    'query { ...f } fragment f on Query { __schema { types { name } } }',
    '{ ... on Query { a: __schema { types { name } } } }',
    '{ __type(name: "Thing") { fields { name } } }',
    '{ me __type(name: "Thing") { fields { name } } }',
  ])
    expect((await request(app, query, {}, null)).text).not.toMatch(/Thing|"fields"/)
  expect((await request(app, '{ __typename }', {}, null)).answer.data).toEqual({ __typename: 'Query' })
})

test.each<[string, Record<string, unknown>, string]>([
  ['a wrong type', { type: { secret: 'jane.doe@example.com' } }, 'input.type'],
  ['an unknown member', { type: 'a', mial: 'jane.doe@example.com' }, 'input'],
  ['no value of an enum', { type: 'a', mode: 'jane.doe@example.com' }, 'input.mode'],
  ['almost a value of an enum', { type: 'a', mode: 'secret_FAST' }, 'input.mode'],
  ['text with semicolons for a number', { type: 'a', amount: 'a; b at "x"; jane; secret' }, 'input.amount'],
  ['text with semicolons for an enum', { type: 'a', mode: 'a; jane; "secret' }, 'input.mode'],
  ['a number for an enum', { type: 'a', mode: 1.5 }, 'input.mode'],
  ['a number beyond 2^53', { type: 'a', amount: 9_007_199_254_740_992 }, 'input.amount'],
  ['a fraction', { type: 'a', amount: 1.5 }, 'input.amount'],
  ['a list for an object', { type: 'a', data: ['jane.doe@example.com'] }, 'input.data'],
  ['an invalid day', { type: 'a', at: '2026-02-30T00:00:00Z' }, 'input.at'],
  ['an instant without offset', { type: 'a', at: '2026-02-03T00:00:00' }, 'input.at'],
  ['a required member missing', {}, 'input'],
])('an invalid variable is reported by its path, never its value: %s', async (_what, input, field) => {
  await using app = await startGraphApp()
  const { answer, text } = await request(app, record, { input })
  expect(codesOf(answer)).toEqual(['BAD_USER_INPUT'])
  expect(answer.errors?.[0]?.extensions['field']).toBe(field)
  expect(text).not.toMatch(/jane|secret|9007199254740992|2026-02-30|1\.5/)
})

test('numbers in literals that would change are refused as in variables, with their paths', async () => {
  await using app = await startGraphApp()
  for (const number of ['9007199254740993', '1e400', '0.12345678901234567890', '-9007199254740993'])
    for (const [data, path] of [
      [`{ a: ${number} }`, 'input.data.a'],
      [`{ a: [1, { b: [[${number}]] }] }`, 'input.data.a[1].b[0][0]'],
    ] as const) {
      const { answer } = await request(app, `mutation { record(input: { type: "a", data: ${data} }) }`)
      expect(answer.errors?.map(({ message }) => message)).toEqual([
        `${path}: the number cannot be kept exactly. Send it as a string, or with at most 15 digits`,
      ])
      expect(answer.data?.['record']).toBeUndefined()
    }
  const preset = 'mutation ($sent: JSONObject = { n: [1e400] }) { record(input: { type: "a", data: $sent }) }'
  expect((await request(app, preset)).answer.errors?.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^sent.n\[0\]: the number cannot be kept exactly/),
  ])
  const data = '{ a: 1e2, b: 0.10000000000000001, c: 1.0000000000000001e-05 }'
  const { answer } = await request(app, `mutation { record(input: { type: "a", amount: 1, data: ${data} }) }`)
  expect(answer.data).toEqual({
    record: { type: 'a', amount: 1, data: { a: 100, b: 0.1, c: 0.00001 } },
  })
})

test.each<[string, string, string, number]>([
  ['cut off', '{"query":', 'BAD_REQUEST', 400],
  ['empty', '', 'BAD_REQUEST', 400],
  ['with a number that would change', '{"query":"{ me }","variables":{"a":1e400}}', 'BAD_USER_INPUT', 400],
  ['too deep', '['.repeat(100), 'BAD_USER_INPUT', 400],
  ['too large', `{"query":"${'a'.repeat(70_000)}"}`, 'PAYLOAD_TOO_LARGE', 413],
])('an unreadable body is a GraphQL error: %s', async (_what, body, code, status) => {
  await using app = await startGraphApp()
  const response = await app.send('/graphql', {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json' },
  })
  expect(response.status).toBe(status)
  expect(codesOf((await response.json()) as Answer)).toEqual([code])
})

test('variables of a GET follow the same rules as those of a body', async () => {
  await using app = await startGraphApp()
  const request = async (variables: string) => {
    const query = encodeURIComponent('query ($amount: Int) { echo(amount: $amount) }')
    const response = await app.send(`/graphql?query=${query}&variables=${encodeURIComponent(variables)}`, {
      headers: { 'apollo-require-preflight': '1' },
    })
    return { ...((await response.json()) as Answer), status: response.status }
  }
  expect(await request('{"amount":7}')).toMatchObject({ status: 200, data: { echo: { amount: 7 } } })
  const inexact = await request('{"amount":1,"other":{"n":[9007199254740993]}}')
  expect([inexact.status, inexact.errors?.[0]?.extensions]).toEqual([
    400,
    { code: 'BAD_USER_INPUT', field: 'other.n[0]' },
  ])
  expect(codesOf(await request('{"amount":'))).toEqual(['BAD_REQUEST'])
})

test('batches, simple requests of other sites and mutations by GET are refused', async () => {
  await using app = await startGraphApp()
  const batch = await app.send('/graphql', {
    method: 'POST',
    body: '[{"query":"{ me }"},{"query":"{ me }"}]',
    headers: { 'content-type': 'application/json' },
  })
  expect(batch.status).toBe(400)
  const query = encodeURIComponent('{ me }')
  expect((await app.send(`/graphql?query=${query}`)).status).toBe(400)
  expect(
    (await app.send(`/graphql?query=${query}`, { headers: { 'apollo-require-preflight': '1' } })).status,
  ).toBe(200)
  const mutation = encodeURIComponent('mutation { record(input: { type: "a" }) }')
  const byGet = await app.send(`/graphql?query=${mutation}`, { headers: { 'apollo-require-preflight': '1' } })
  expect(byGet.status).toBe(405)
  const form = await app.send('/graphql', {
    method: 'POST',
    body: new URLSearchParams({ query: '{ me }' }),
  })
  expect([400, 415]).toContain(form.status)
})

test('documents of too many tokens are refused before they are validated', async () => {
  await using app = await startGraphApp()
  const { status, answer } = await request(app, `{ ${'me '.repeat(20_001)} }`)
  expect(status).toBeLessThan(500)
  expect(answer.errors).toHaveLength(1)
})

test.each([
  '{ echo(amount: "jane.doe@example.com") }',
  '{ echo(on: "jane.doe@example.com") }',
  '{ thing(id: {a: "jane.doe@example.com"}) { id } }',
  '{ echo(amount: JANE) }',
  '{ me(a: "jane.doe@example.com") }',
  '{ "jane.doe@example.com" }',
  '{ me """jane.doe@example.com""" }',
  'mutation { record(input: { type: "a", mode: "jane.doe@example.com" }) }',
  'mutation { record(input: { type: "a", amount: "jane.doe@example.com" }) }',
  'mutation { record(input: { type: "a", data: "jane.doe@example.com" }) }',
  'mutation { record(input: "jane.doe@example.com") }',
])('an invalid literal of a document is not quoted: %s', async (query) => {
  await using app = await startGraphApp()
  const { answer, text } = await request(app, query)
  expect(answer.errors?.length).toBeGreaterThan(0)
  expect(answer.data).toBeUndefined()
  expect(text).not.toMatch(/jane/i)
})

test('unknown operations and persisted queries are refused with the codes that clients know', async () => {
  await using app = await startGraphApp()
  const post = async (body: object) => {
    const response = await app.send('/graphql', {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
    })
    return [response.status, codesOf((await response.json()) as Answer)]
  }
  const missing = [400, ['OPERATION_RESOLUTION_FAILURE']]
  expect(await post({ query: '{ me }', operationName: 'Other' })).toEqual(missing)
  expect(await post({ query: 'query A { me } query B { me }' })).toEqual(missing)
  const persistedQuery = { version: 1, sha256Hash: '00' }
  expect(await post({ query: '{ me }', extensions: { persistedQuery } })).toEqual([
    200,
    ['PERSISTED_QUERY_NOT_SUPPORTED'],
  ])
  expect(app.logged()).not.toContain('unexpected error')
})

test.each([
  ['application/xml', 'application/json; charset=utf-8'],
  ['text/html', 'application/json; charset=utf-8'],
  ['*', 'application/json; charset=utf-8'],
  ['', 'application/json; charset=utf-8'],
  ['application/json;q=0', 'application/json; charset=utf-8'],
  ['application/json;charset=utf-16', 'application/json; charset=utf-8'],
  ['text/html, */*;q=0.1', 'application/json; charset=utf-8'],
  ['application/graphql-response+json;q=0.5', 'application/graphql-response+json; charset=utf-8'],
])('an executed operation gets a response for any Accept header: %j', async (accept, type) => {
  await using app = await startGraphApp()
  const response = await app.send('/graphql', {
    method: 'POST',
    body: JSON.stringify({ query: 'mutation { record(input: { type: "a" }) }' }),
    headers: { 'content-type': 'application/json', accept },
  })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, type])
  expect(await response.json()).toMatchObject({ data: { record: { type: 'a' } } })
})
