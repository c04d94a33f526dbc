import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { buildClientSchema, getIntrospectionQuery, getNamedType, isLeafType } from 'graphql'
import { authenticate, call } from '../support/legacy-client.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'

jest.setTimeout(120_000)

const origin = 'https://shop.example'
let stack: TestStack
let admin: string
beforeAll(async () => {
  stack = await startTestStack()
  admin = await authenticate(stack.urls.gateway, stack.adminApiKey)
})
afterAll(() => stack.stop())

const graphql = async (token: string, query: string): Promise<any> => {
  const { body } = await call(stack.urls.gateway, 'POST', '/graphql', { token, body: { query } })
  return body
}

async function openStore(restriction = '') {
  const { body } = await call(stack.urls.gateway, 'POST', '/api/store', {
    token: admin,
    body: { name: 'Shoes' },
  })
  const made = await graphql(
    admin,
    `mutation { createApiKey(input: { role: WRITER, storeId: ${body.id}, name: "Page", allowedOrigins: ["${origin}"]${restriction} }) {
      secret apiKey { id role prefix allowedOrigins allowedTypes } } }`,
  )
  expect(made.errors).toBeUndefined()
  const { secret, apiKey } = made.data.createApiKey
  const token = await authenticate(stack.urls.gateway, body.api_key)
  return {
    id: body.id as number,
    key: secret as string,
    apiKey,
    token,
    events: async () =>
      (await graphql(token, '{ events(first: 100) { nodes { type userId data } } }')).data.events
        .nodes as object[],
  }
}

interface Sent {
  readonly path?: string
  readonly method?: string
  readonly from?: string | undefined
  readonly key?: string
  readonly type?: string
  readonly body?: string
}

async function send({
  path = '/api/events',
  method = 'POST',
  from = origin,
  key,
  type = 'application/x-ndjson',
  body,
}: Sent) {
  const response = await fetch(new URL(path, stack.urls.gateway), {
    method,
    headers: {
      ...(from !== '' && { origin: from }),
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': type }),
    },
    ...(body !== undefined && { body }),
  })
  const text = await response.text()
  return {
    status: response.status,
    allowed: response.headers.get('access-control-allow-origin'),
    body: text.startsWith('{') ? JSON.parse(text) : text,
  }
}

const event = (more: object = {}) => JSON.stringify({ type: 'view', user_id: 'u', ...more })

test('a publishable key records events of its store, as a bearer and in the body of a beacon', async () => {
  const store = await openStore()
  expect(store.apiKey).toMatchObject({ role: 'WRITER', allowedOrigins: [origin], allowedTypes: [] })
  expect(store.key).toMatch(/^us_w_[\w-]{43}$/)
  const accepted = {
    status: 200,
    allowed: origin,
    body: { accepted: 1, duplicate: 0, rejected: 0, errors: [] },
  }
  expect(await send({ key: store.key, body: event({ data: { at: 'bearer' } }) })).toEqual(accepted)
  const { key } = store
  const beacon = { type: 'text/plain;charset=UTF-8' }
  expect(
    await send({ ...beacon, body: `${JSON.stringify({ key })}\n${event({ data: { at: 'line' } })}` }),
  ).toEqual(accepted)
  expect(
    await send({
      ...beacon,
      body: JSON.stringify({ key, events: [JSON.parse(event({ data: { at: 'member' } }))] }),
    }),
  ).toEqual(accepted)
  const recorded = await send({
    path: '/graphql',
    key,
    type: 'application/json',
    body: JSON.stringify({
      query:
        'mutation { recordEvents(input: { events: [{ type: "view", userId: "u", data: { at: "graph" } }] }) { acceptedCount results { event { id } error { code } } } }',
    }),
  })
  expect(recorded).toMatchObject({ status: 200, allowed: origin })
  expect(recorded.body.data.recordEvents).toEqual({
    acceptedCount: 1,
    results: [{ event: null, error: null }],
  })
  expect((await store.events()).map((node: any) => node.data.at).sort()).toEqual([
    'bearer',
    'graph',
    'line',
    'member',
  ])
})

test('only pages of its origins may use it', async () => {
  const { key, events } = await openStore()
  for (const from of [
    'https://evil.example',
    'http://shop.example',
    'https://shop.example:8443',
    'null',
    '',
  ]) {
    for (const sent of [
      { key, body: event() },
      { type: 'text/plain', body: `${JSON.stringify({ key })}\n${event()}` },
    ]) {
      const { status, allowed } = await send({ ...sent, from })
      expect([from, status, allowed]).toEqual([from, 403, null])
    }
  }
  expect(await events()).toEqual([])
})

test('it tells nobody whether an event was there, or what it holds', async () => {
  const { key, token, events } = await openStore()
  await graphql(
    token,
    'mutation { recordEvent(input: { type: "secret", userId: "u", idempotencyKey: "known" }) { duplicate } }',
  )
  const fresh = await send({ key, body: event({ idempotency_key: 'fresh' }) })
  for (const body of [
    event({ idempotency_key: 'known' }),
    event({ idempotency_key: 'fresh' }),
    event({ idempotency_key: 'fresh', data: { other: true } }),
  ])
    expect(await send({ key, body })).toEqual(fresh)
  expect(await events()).toHaveLength(2)
})

test('it records the types it is for, and for its own store', async () => {
  const store = await openStore(', allowedTypes: ["view"]')
  const other = await openStore()
  const { body } = await send({
    key: store.key,
    body: [event(), event({ type: 'purchase' }), event({ store_id: other.id })].join('\n'),
  })
  expect(body).toMatchObject({ accepted: 1, rejected: 2 })
  expect(body.errors.map(({ line, code }: any) => [line, code])).toEqual([
    [2, 'BAD_USER_INPUT'],
    [3, 'FORBIDDEN'],
  ])
  expect(await other.events()).toEqual([])
})

test('once revoked, or its store blocked, it is refused at once; what replaces it is for the same pages', async () => {
  const { key, apiKey, id } = await openStore()
  expect((await send({ key, body: event() })).status).toBe(200)
  const rotated = await graphql(admin, `mutation { rotateApiKey(input: { id: "${apiKey.id}" }) { secret } }`)
  const next = rotated.data.rotateApiKey.secret as string
  expect((await send({ key: next, body: event() })).allowed).toBe(origin)
  await graphql(admin, `mutation { revokeApiKey(input: { id: "${apiKey.id}" }) { apiKey { id } } }`)
  expect((await send({ key, body: event() })).status).toBe(401)
  await call(stack.urls.gateway, 'POST', '/api/store/block', { token: admin, body: { store_id: id } })
  expect((await send({ key: next, body: event() })).status).toBe(403)
  expect((await send({ key: `us_w_${'x'.repeat(43)}`, body: event() })).status).toBe(401)
})

test('it may use no other route', async () => {
  const { key, events } = await openStore()
  const paths = new Map<string, string>()
  const { body } = await call(stack.urls.gateway, 'GET', '/openapi.json', {})
  for (const [path, methods] of Object.entries<object>(body.paths))
    for (const method of Object.keys(methods)) paths.set(`${method.toUpperCase()} ${path}`, path)
  const open = ['POST /api/auth', 'POST /api/auth/', 'POST /api/events']
  const tried = [...paths.keys()].filter((route) => !open.includes(route))
  expect(tried.length).toBeGreaterThan(10)
  for (const route of tried) {
    const [method = '', path = ''] = route.split(' ')
    const bodies = method === 'GET' || method === 'DELETE' ? {} : { body: '{}', type: 'application/json' }
    const { status } = await send({ key, method, path: path.replaceAll(/\{\w+\}/g, '1'), ...bodies })
    expect([route, status]).toEqual([route, 403])
  }
  expect(await events()).toEqual([])
})

test('it may use no other field of the graph, nor see the graph itself', async () => {
  const { key } = await openStore()
  const schema = buildClientSchema((await graphql(admin, getIntrospectionQuery())).data)
  const roots = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
    Object.values(type?.getFields() ?? {}).map((field) => ({
      operation: type === schema.getMutationType() ? 'mutation' : 'query',
      field,
    })),
  )
  expect(roots.length).toBeGreaterThan(20)
  for (const { operation, field } of roots) {
    if (field.name === 'recordEvents') continue
    const selection = isLeafType(getNamedType(field.type)) ? '' : '{ __typename }'
    const { status, body } = await send({
      path: '/graphql',
      key,
      type: 'application/json',
      body: JSON.stringify({ query: `${operation} { ${field.name} ${selection} }` }),
    })
    expect([field.name, status, body.errors?.[0]?.extensions?.code, body.data]).toEqual([
      field.name,
      403,
      'FORBIDDEN',
      undefined,
    ])
  }
  for (const query of [
    '{ __schema { types { name } } }',
    '{ __typename }',
    'mutation { recordEvents(input: { events: [] }) { acceptedCount } deleteStoreEvents(input: { storeId: 1 }) { deletedCount } }',
    'mutation { ...all } fragment all on Mutation { recordEvents(input: { events: [] }) { acceptedCount } }',
  ]) {
    const { status } = await send({
      path: '/graphql',
      key,
      type: 'application/json',
      body: JSON.stringify({ query }),
    })
    expect([query, status]).toEqual([query, 403])
  }
})

test('what a publishable key needs is named', async () => {
  const create = async (input: string) =>
    (await graphql(admin, `mutation { createApiKey(input: { name: "Page", ${input} }) { secret } }`))
      .errors?.[0]?.message as string
  expect(await create('role: WRITER, allowedOrigins: ["https://a.example"]')).toMatch(
    /storeId: is required for a WRITER key/,
  )
  expect(await create('role: WRITER, storeId: 1')).toMatch(/allowedOrigins: must be 1 to 20 origins/)
  for (const wrong of ['*', 'https://a.example/', 'shop.example', 'null', 'https://*.example'])
    expect(await create(`role: WRITER, storeId: 1, allowedOrigins: ["${wrong}"]`)).toMatch(
      /allowedOrigins: must be origins as browsers send them/,
    )
  expect(await create('role: STORE, storeId: 1, allowedOrigins: ["https://a.example"]')).toMatch(
    /allowedOrigins: is for WRITER keys only/,
  )
})
