import { expect, test } from '@jest/globals'
import { arraySchema, objectSchema } from '../src/route-schema.ts'
import { paging, type RestRoute } from '../src/rest-route.ts'
import type { Fault } from '@user-stats/core'
import { startGraphApp } from './graph-app.ts'

const anything = { type: 'object' }

const routes = [
  {
    method: 'GET',
    url: '/api/echo/:amount',
    summary: 'Converts',
    tag: 'Echo',
    params: { amount: { type: 'integer', minimum: 1, maximum: 100, description: 'How many.' } },
    query: { ...paging, on: { type: 'boolean' }, day: { type: 'string', format: 'date' } },
    operation: 'query ($amount: Int, $on: Boolean, $day: Date) { echo(amount: $amount, on: $on, day: $day) }',
    variables: ({ params, query }) => ({ amount: params['amount'], on: query['on'], day: query['day'] }),
    status: 200,
    answer: anything,
    reply: ({ echo }: { echo: unknown }) => echo,
  },
  {
    method: 'GET',
    url: '/api/paging',
    summary: 'Pages',
    tag: 'Echo',
    query: paging,
    headers: { 'idempotency-key': { type: 'string', minLength: 1, maxLength: 8 } },
    operation: 'query ($amount: Int, $text: String) { echo(amount: $amount, text: $text) }',
    variables: ({ query, headers }) => ({
      amount: Number(query['offset']) * 100_000 + Number(query['limit']),
      text: headers['idempotency-key'],
    }),
    status: 200,
    answer: anything,
    reply: ({ echo }: { echo: unknown }) => echo,
  },
  {
    method: 'GET',
    url: '/api/thing/:id',
    summary: 'One thing',
    tag: 'Things',
    params: { id: { type: 'string' } },
    operation: 'query ($id: ID) { thing(id: $id) { id name } }',
    variables: ({ params }) => ({ id: params['id'] }),
    missing: { field: 'thing', code: 'USER_NOT_FOUND' },
    status: 200,
    answer: objectSchema({ id: { type: 'string' }, name: { type: 'string' } }),
    reply: ({ thing }: { thing: unknown }) => thing,
    errors: [404],
  },
  ...(['legacy', 'strict'] as const).map((kind): RestRoute => ({
    method: 'POST',
    url: `/api/${kind}`,
    summary: 'Records',
    tag: 'Records',
    body: {
      type: 'object',
      required: ['type'],
      properties: {
        type: { type: 'string', maxLength: 128 },
        amount: { type: 'integer', maximum: 9_007_199_254_740_991 },
        data: { type: 'object' },
      },
    },
    ...(kind === 'strict' ? { strict: true } : { form: true }),
    operation: 'mutation ($input: RecordInput!) { record(input: $input) }',
    variables: ({ body: { type, amount, data } }) => ({ input: { type, amount, data } }),
    fields: { type: 'event_type' },
    status: 201,
    answer: anything,
    reply: ({ record }: { record: unknown }) => record,
  })),
  ...['bug', 'taken', 'away', 'refused', 'me'].map((field): RestRoute => ({
    method: 'GET',
    url: `/api/${field}`,
    summary: field,
    tag: 'Errors',
    ...(field === 'me' && { public: true }),
    operation: `{ ${field} }`,
    variables: () => ({}),
    status: 200,
    answer: anything,
    reply: (data: unknown) => data,
  })),
] as const satisfies readonly RestRoute[]

const start = () => startGraphApp(routes)

const json = (body: unknown): RequestInit => ({
  method: 'POST',
  body: typeof body === 'string' ? body : JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})
const form = (fields: Record<string, string>): RequestInit => ({
  method: 'POST',
  body: new URLSearchParams(fields),
})

async function read(response: Response): Promise<{ status: number; [member: string]: unknown }> {
  expect(response.headers.get('content-type')).toMatch(/^application\/(problem\+)?json; charset=utf-8$/)
  return { ...((await response.json()) as object), status: response.status }
}

test('paths and queries are converted to the types in the schema of their route', async () => {
  await using app = await start()
  expect(await read(await app.send('/api/echo/7?on=true&day=2026-11-23'))).toEqual({
    status: 200,
    amount: 7,
    on: true,
    day: '2026-11-23',
  })
  expect(await read(await app.send('/api/echo/7/'))).toEqual({ status: 200, amount: 7 })
})

test.each([
  ['/api/echo/0', 'amount'],
  ['/api/echo/101', 'amount'],
  ['/api/echo/seven', 'amount'],
  ['/api/echo/7.5', 'amount'],
  ['/api/echo/1e99', 'amount'],
  ['/api/echo/%20', 'amount'],
  ['/api/echo/7?on=maybe', 'on'],
  ['/api/echo/7?day=2026-02-30', 'day'],
  ['/api/echo/7?limit=10001', 'limit'],
  ['/api/echo/7?limit=-1', 'limit'],
  ['/api/echo/7?offset=x', 'offset'],
  ['/api/echo/7?offset=99999999999999999999', 'offset'],
])('%s is 422 and names the member', async (path, field) => {
  await using app = await start()
  expect(await read(await app.send(path))).toMatchObject({ status: 422, code: 'BAD_USER_INPUT', field })
})

test('offset and limit have their defaults, and the last of a repeated one applies', async () => {
  await using app = await start()
  expect(await read(await app.send('/api/paging'))).toMatchObject({ amount: 50 })
  expect(await read(await app.send('/api/paging?limit=1&limit=2&offset=3&unknown=x'))).toMatchObject({
    amount: 300_002,
  })
  expect(await read(await app.send('/api/paging?limit=0'))).toMatchObject({ amount: 0 })
  expect(await read(await app.send('/api/paging', { headers: { 'Idempotency-Key': 'abc' } }))).toMatchObject({
    text: 'abc',
  })
  expect(
    await read(await app.send('/api/paging', { headers: { 'Idempotency-Key': 'a'.repeat(9) } })),
  ).toMatchObject({
    status: 422,
    field: 'idempotency-key',
  })
})

test('a field that is null gives the 404 of its route', async () => {
  await using app = await start()
  expect(await read(await app.send('/api/thing/1'))).toEqual({ status: 200, id: '1', name: 'One' })
  expect(await read(await app.send('/api/thing/2'))).toMatchObject({ status: 404, code: 'USER_NOT_FOUND' })
})

test('JSON values are used unchanged, form values converted', async () => {
  await using app = await start()
  const recorded = { status: 201, type: 'a', amount: 7, data: { x: [1, 'ü'] } }
  expect(
    await read(await app.send('/api/legacy', json({ type: 'a', amount: 7, data: { x: [1, 'ü'] } }))),
  ).toEqual(recorded)
  expect(
    await read(await app.send('/api/legacy', form({ type: 'a', amount: '7', data: '{"x":[1,"ü"]}' }))),
  ).toEqual(recorded)
  expect(await read(await app.send('/api/legacy', json({ type: 'a', amount: '7' })))).toMatchObject({
    status: 422,
    field: 'amount',
  })
  expect(await read(await app.send('/api/legacy', json({ type: 7 })))).toMatchObject({
    status: 422,
    field: 'type',
  })
  expect(await read(await app.send('/api/legacy', json({ type: 'a', amount: null })))).toMatchObject({
    status: 422,
    field: 'amount',
  })
  expect(
    await read(await app.send('/api/legacy', json('{"type":"a","amount":9007199254740993}'))),
  ).toMatchObject({ status: 422, field: 'amount' })
  expect(await read(await app.send('/api/legacy', json('{"type":"a","amount":1e2}')))).toMatchObject({
    status: 201,
    amount: 100,
  })
})

test.each([
  [{ type: 'a', amount: '7.5' }, 'amount'],
  [{ type: 'a', amount: 'x' }, 'amount'],
  [{ type: 'a', data: 'x' }, 'data'],
  [{ type: 'a', data: '{"x":1e400}' }, 'data.x'],
  [{ type: 'a', data: '[1e400]' }, 'data[0]'],
  [{ type: 'a', data: '1e400' }, 'data'],
  [{ type: 'a', data: '[1]' }, 'data'],
  [{ amount: '7' }, 'type'],
])('a form with %j is 422, naming the member', async (fields, field) => {
  await using app = await start()
  expect(await read(await app.send('/api/legacy', form(fields as Record<string, string>)))).toMatchObject({
    status: 422,
    field,
  })
})

test('legacy routes ignore unknown members; new ones refuse them, and forms', async () => {
  await using app = await start()
  const body = { type: 'a', store: 7, __proto__x: 1 }
  expect(await read(await app.send('/api/legacy', json(body)))).toEqual({ status: 201, type: 'a' })
  expect(await read(await app.send('/api/strict', json(body)))).toMatchObject({ status: 422, field: 'store' })
  expect(await read(await app.send('/api/strict', form({ type: 'a' })))).toMatchObject({ status: 415 })
  expect(await read(await app.send('/api/legacy', json('{"type":"a","__proto__":{"amount":1}}')))).toEqual({
    status: 201,
    type: 'a',
  })
})

test('all faults of a request are reported at once', async () => {
  await using app = await start()
  const refused = await read(await app.send('/api/strict', json({ amount: 'x', data: 7, wrong: 1 })))
  expect(refused).toMatchObject({ status: 422, code: 'BAD_USER_INPUT', field: 'type' })
  expect(refused['errors']).toEqual([
    { field: 'type', message: 'type: is required' },
    { field: 'amount', message: 'amount: must be integer' },
    { field: 'data', message: 'data: must be a JSON object' },
    { field: 'wrong', message: 'wrong: is unknown. Remove it' },
  ])
  expect(refused['detail']).toBe((refused['errors'] as Fault[]).map(({ message }) => message).join('; '))
  expect(await read(await app.send('/api/echo/0?on=maybe&day=x'))).toMatchObject({
    errors: [{ field: 'amount' }, { field: 'on' }, { field: 'day' }],
  })
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`member${String(at)}`, at]))
  expect((await read(await app.send('/api/strict', json(many))))['errors']).toHaveLength(20)
  // One fault is reported in the same way.
  expect((await read(await app.send('/api/legacy', json({ type: 'a', amount: 'x' }))))['errors']).toEqual([
    { field: 'amount', message: 'amount: must be integer' },
  ])
  const inexact = await read(
    await app.send('/api/legacy', json('{"type":"a","data":{"a":1e400,"b":[1e400]}}')),
  )
  expect(inexact['errors']).toMatchObject([{ field: 'data.a' }, { field: 'data.b[0]' }])
})

test('rules of the graph are reported together with faults of the schema', async () => {
  await using app = await start()
  const data = { text: 'a\0', deep: JSON.parse('['.repeat(40) + ']'.repeat(40)) as unknown }
  const refused = await read(await app.send('/api/legacy', json({ type: '\0', amount: 'x', data })))
  expect(refused['errors']).toMatchObject([{ field: 'amount' }, { field: 'type' }, { field: 'data.text' }])
  const { text: _text, ...deep } = data
  expect(
    (await read(await app.send('/api/legacy', json({ amount: 'x', data: deep }))))['errors'],
  ).toMatchObject([
    { field: 'type' },
    { field: 'amount' },
    { field: 'data', message: 'data: must not be nested deeper than 32 levels' },
  ])
})

test.each([
  ['Amount', 'amount'],
  ['AMOUNT', 'amount'],
  ['a-mount', 'amount'],
  ['amuont', 'amount'],
  ['ammount', 'amount'],
  ['Data', 'data'],
  ['date', 'data'],
])('a member %s is refused by name if %s is missing: it would be ignored', async (written, meant) => {
  await using app = await start()
  const message = `${written}: is unknown. Did you mean ${meant}?`
  for (const path of ['/api/legacy', '/api/strict'])
    expect(await read(await app.send(path, json({ type: 'a', [written]: 1 })))).toMatchObject({
      status: 422,
      field: written,
      message,
    })
  expect(await read(await app.send('/api/legacy', form({ type: 'a', [written]: '1' })))).toMatchObject({
    message,
  })
  // Where the correct one is present, nothing is lost.
  const both = { type: 'a', amount: 7, data: {}, [written]: 1 }
  expect(await read(await app.send('/api/legacy', json(both)))).toMatchObject({ status: 201, amount: 7 })
})

test('misspelt query parameters are refused like members; unrelated ones are ignored', async () => {
  await using app = await start()
  expect(await read(await app.send('/api/paging?ofset=3'))).toMatchObject({
    status: 422,
    field: 'ofset',
    message: 'ofset: is unknown. Did you mean offset?',
  })
  expect((await app.send('/api/paging?utm_source=mail&_=1&off=1&x=y')).status).toBe(200)
})

test.each([
  ['{', 400],
  ['', 400],
  ['[]', 422],
  ['null', 422],
  ['"a"', 422],
  ['7', 422],
  ['{}', 422],
])('a body of %j is %i', async (body, status) => {
  await using app = await start()
  expect(await read(await app.send('/api/legacy', json(body)))).toMatchObject({ status })
})

test('no body at all is 400', async () => {
  await using app = await start()
  expect(await read(await app.send('/api/legacy', { method: 'POST' }))).toMatchObject({ status: 400 })
})

test('errors of the graph keep code and message; fields have the names of the route', async () => {
  await using app = await start()
  expect(await read(await app.send('/api/legacy', json({ type: '' })))).toMatchObject({
    status: 422,
    code: 'BAD_USER_INPUT',
    field: 'event_type',
  })
  expect(await read(await app.send('/api/taken'))).toMatchObject({
    status: 409,
    code: 'EMAIL_TAKEN',
    field: 'email',
  })
  const bug = await read(await app.send('/api/bug'))
  expect(bug).toMatchObject({
    status: 500,
    code: 'INTERNAL_SERVER_ERROR',
    detail: 'Something went wrong on our side.',
  })
  expect(JSON.stringify(bug)).not.toMatch(/jane|\.ts/)
  const away = await app.send('/api/away')
  expect(away.headers.get('retry-after')).toBe('1')
  expect(await read(away)).toMatchObject({ status: 503, code: 'DATABASE_UNAVAILABLE' })
})

test('a route requires a token unless it is public, and reports a missing one before validating the request', async () => {
  await using app = await start()
  const anonymous = (path: string, init: RequestInit = {}) => fetch(app.origin + path, init)
  const refused = await anonymous('/api/echo/not-a-number')
  expect(refused.headers.get('www-authenticate')).toBe('Bearer')
  expect(await read(refused)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
  expect(await read(await anonymous('/api/legacy', json({})))).toMatchObject({ status: 401 })
  expect(await read(await anonymous('/api/me'))).toEqual({ status: 200, me: 'ANONYMOUS' })
  // An expired token must not prevent its holder from requesting a new one.
  const forged = { headers: { authorization: 'Bearer forged' } }
  expect(await read(await anonymous('/api/me', forged))).toEqual({ status: 200, me: 'ANONYMOUS' })
  expect(await read(await anonymous('/api/bug', forged))).toMatchObject({
    status: 401,
    code: 'TOKEN_INVALID',
  })
})

test('the OpenAPI document describes each route', async () => {
  await using app = await start()
  const document = (await (await fetch(`${app.origin}/openapi.json`)).json()) as {
    paths: Record<
      string,
      Record<string, { operationId: string; security: unknown[]; [member: string]: unknown }>
    >
  }
  expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'T', version: '1.0.0' } })
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
  expect(operations).toHaveLength(routes.length)
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(routes.length)
  expect(document.paths['/api/echo/{amount}']?.['get']?.['parameters']).toContainEqual({
    name: 'amount',
    in: 'path',
    required: true,
    description: 'How many.',
    schema: { type: 'integer', minimum: 1, maximum: 100 },
  })
  expect(document.paths['/api/me']?.['get']?.security).toEqual([])
  expect(document.paths['/api/legacy']?.['post']).toMatchObject({
    requestBody: {
      content: {
        'application/json': { schema: { additionalProperties: true } },
        'application/x-www-form-urlencoded': {},
      },
    },
    responses: { 201: {}, 400: {}, 401: {}, 422: {} },
  })
  expect(document.paths['/api/strict']?.['post']).toMatchObject({
    requestBody: { content: { 'application/json': { schema: { additionalProperties: false } } } },
  })
  expect(arraySchema(anything)).toEqual({ type: 'array', items: anything })
})
