import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import type { SignedInCaller } from '@user-stats/core'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
const stores = { own: 1, other: 2, blocked: 3 } as const
type Who =
  | 'anonymous'
  | 'store'
  | 'other store'
  | 'analyst'
  | 'analyst of other'
  | 'analyst of all'
  | 'admin'
  | 'service'
let callers: Record<Who, SignedInCaller | null>

beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server)
  for (const id of Object.values(stores)) await events.introduce(id)
  callers = {
    anonymous: null,
    store: events.store(stores.own),
    'other store': events.store(stores.other),
    analyst: events.analyst(stores.own),
    'analyst of other': events.analyst(stores.other),
    'analyst of all': events.analyst(),
    admin: events.admin,
    service: events.service,
  }
  for (const [who, n] of [
    ['store', 2],
    ['other store', 3],
  ] as const)
    for (let i = 0; i < n; i += 1)
      await events.send('POST', '/api/event', callers[who], {
        type: 'seen',
        user_id: `u${String(i)}`,
        data: {},
      })
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

const own = { type: 'seen', user_id: 'u', data: {}, store_id: 1 }
const rest: readonly [string, string, string, unknown, Partial<Record<Who, number>>][] = [
  [
    'record naming the store',
    'POST',
    '/api/event',
    own,
    {
      anonymous: 401,
      store: 201,
      'other store': 403,
      analyst: 403,
      'analyst of all': 403,
      admin: 201,
      service: 403,
    },
  ],
  [
    'record naming none',
    'POST',
    '/api/event',
    { ...own, store_id: undefined },
    { anonymous: 401, store: 201, 'other store': 201, analyst: 403, admin: 422 },
  ],
  [
    'amount',
    'GET',
    '/api/event/amount/seen',
    undefined,
    { anonymous: 401, store: 200, analyst: 200, 'analyst of all': 200, admin: 200, service: 403 },
  ],
  [
    'amount of the store',
    'GET',
    '/api/event/amount/seen?store_id=1',
    undefined,
    {
      anonymous: 401,
      store: 200,
      'other store': 403,
      analyst: 200,
      'analyst of other': 403,
      'analyst of all': 200,
      admin: 200,
    },
  ],
  [
    'average of the store',
    'GET',
    '/api/event/avg-time/seen?store_id=1',
    undefined,
    {
      anonymous: 401,
      store: 200,
      'other store': 403,
      analyst: 200,
      'analyst of other': 403,
      'analyst of all': 200,
      admin: 200,
    },
  ],
  [
    'all events of the store',
    'GET',
    '/api/event/store-events-amount/1',
    undefined,
    {
      anonymous: 401,
      store: 200,
      'other store': 403,
      analyst: 200,
      'analyst of other': 403,
      'analyst of all': 200,
      admin: 200,
    },
  ],
  [
    'an unknown store',
    'GET',
    '/api/event/store-events-amount/99',
    undefined,
    { anonymous: 401, store: 403, analyst: 403, 'analyst of all': 404, admin: 404 },
  ],
  [
    'delete a user',
    'DELETE',
    '/api/event/unknown-user?store_id=1',
    undefined,
    { anonymous: 401, store: 200, 'other store': 403, analyst: 403, 'analyst of all': 403, admin: 200 },
  ],
  [
    'delete a user naming no store',
    'DELETE',
    '/api/event/unknown-user',
    undefined,
    { anonymous: 401, store: 200, analyst: 403, admin: 422 },
  ],
  [
    'delete by store',
    'DELETE',
    '/api/event/by-store/1',
    undefined,
    { anonymous: 401, 'other store': 403, analyst: 403, 'analyst of all': 403, service: 403 },
  ],
]
const cases = rest.flatMap(([what, method, path, body, expected]) =>
  Object.entries(expected).map(([who, status]) => [what, who as Who, status, method, path, body] as const),
)

test.each(cases)('%s: %s gets %i', async (_what, who, status, method, path, body) => {
  const answer = await events.send(method, path, callers[who], body)
  expect(answer.status).toBe(status)
  if (status >= 400) expect(answer.body).toMatchObject({ status, detail: expect.any(String) })
})

// The schema for analysts has no such field or type.
const unknown = 'GRAPHQL_VALIDATION_FAILED'
const rawEvents = 'query($storeId: Int) { events(storeId: $storeId) { nodes { id userId } } }'
const entity = `query { _entities(representations: [{ __typename: "User", storeId: 1, ref: "u0", id: "x" }]) {
  ... on User { eventCount lastSeenAt events { nodes { id } } } } }`
const storeEntity =
  'query { _entities(representations: [{ __typename: "Store", id: 1 }]) { ... on Store { eventAmount { eventAmount } } } }'

test.each([
  '{ __typename: "Event", id: 1 }',
  '{ __typename: "Query" }',
  '{ __typename: "User" }',
  '{ __typename: "User", storeId: 1 }',
  '{ __typename: "User", storeId: "1", ref: "u" }',
  '{ __typename: "User", storeId: 1.5, ref: "u" }',
  '{ __typename: "User", storeId: 1, ref: ["u"] }',
  '{ __typename: "Store", id: 2147483648 }',
  '{ __typename: "Store", id: null }',
  '7',
])('a reference without a known type and its key is invalid input: %s', async (representation) => {
  const { body } = await events.graphql(
    events.admin,
    `{ _entities(representations: [${representation}]) { __typename } }`,
  )
  expect(body.errors.map(({ extensions }: any) => extensions)).toEqual([
    { code: 'BAD_USER_INPUT', field: 'representations' },
  ])
})

test('many entities are resolved in order, and too many are refused', async () => {
  const caller = events.store(stores.own)
  const lookUp = async (count: number) => {
    const representations = Array.from({ length: count }, (_, at) => ({
      __typename: 'User',
      storeId: stores.own,
      ref: `many-${String(at)}`,
    }))
    const query =
      'query($representations: [_Any!]!) { _entities(representations: $representations) { ... on User { eventCount } } }'
    return (await events.graphql(caller, query, { representations })).body
  }
  const active = [0, 499, 500, 1_199]
  for (const at of active)
    await events.send('POST', '/api/event', caller, { type: 'seen', user_id: `many-${String(at)}`, data: {} })
  // Twice: on the fast path, too.
  for (const _time of [1, 2]) {
    const { data } = await lookUp(1_200)
    expect(data._entities.map(({ eventCount }: { eventCount: number }) => eventCount)).toEqual(
      Array.from({ length: 1_200 }, (_, at) => Number(active.includes(at))),
    )
  }
  expect((await lookUp(25_001)).errors).toMatchObject([
    { extensions: { code: 'OPERATION_TOO_LARGE', limit: 'entities', requested: 25_001, maximum: 25_000 } },
  ])
})

test.each([
  [
    'raw events',
    rawEvents,
    {
      store: null,
      'other store': 'FORBIDDEN',
      analyst: unknown,
      'analyst of all': unknown,
      admin: null,
      anonymous: 'UNAUTHENTICATED',
      service: 'FORBIDDEN',
    },
  ],
  [
    'a user by reference',
    entity,
    {
      store: null,
      'other store': 'FORBIDDEN',
      analyst: unknown,
      admin: null,
      anonymous: 'UNAUTHENTICATED',
      service: 'FORBIDDEN',
    },
  ],
  [
    'a store by reference',
    storeEntity,
    {
      store: null,
      'other store': 'FORBIDDEN',
      analyst: null,
      'analyst of other': 'FORBIDDEN',
      admin: null,
      anonymous: 'UNAUTHENTICATED',
      service: 'FORBIDDEN',
    },
  ],
] as const)('over the graph, %s', async (_what, query, expected) => {
  for (const [who, code] of Object.entries(expected)) {
    const { body, status } = await events.graphql(callers[who as Who], query, { storeId: 1 })
    expect([who, body.errors?.[0]?.extensions.code ?? null]).toEqual([who, code])
    expect(status).toBe(code === 'UNAUTHENTICATED' ? 401 : 200)
  }
})

test('without a store, a caller gets their own store, or all stores they may read together', async () => {
  const amount = async (caller: SignedInCaller, query = '{ storeEventAmount { eventAmount } }') => {
    const { body } = await events.graphql(caller, query)
    return (body.data.storeEventAmount as { eventAmount: number }[]).reduce(
      (sum, day) => sum + day.eventAmount,
      0,
    )
  }
  for (const [storeId, count] of [
    [31, 1],
    [32, 2],
  ] as const) {
    await events.introduce(storeId)
    for (let n = 0; n < count; n += 1)
      await events.send('POST', '/api/event', events.store(storeId), { type: 'seen', user_id: 'u', data: {} })
  }
  expect(await amount(events.store(31))).toBe(1)
  expect(await amount(events.analyst(32))).toBe(2)
  const all = await amount(events.admin)
  expect(all).toBeGreaterThanOrEqual(3)
  expect(await amount(events.analyst())).toBe(all)
  expect(await amount(events.admin, '{ storeEventAmount(storeId: 32) { eventAmount } }')).toBe(2)
})

test('internal mutations are for our own services only', async () => {
  const query = 'mutation { applyStoreDeletion(input: { commandId: 1, storeId: 1 }) { eventsDeleted } }'
  for (const [who, code] of [
    ['store', 'FORBIDDEN'],
    ['analyst', unknown],
    ['admin', 'FORBIDDEN'],
  ] as const) {
    const { body } = await events.graphql(callers[who], query)
    expect(body.errors[0].extensions.code).toBe(code)
  }
})

test('a blocked store is refused at once, with the token it has, and works again when unblocked', async () => {
  const caller = events.store(stores.blocked)
  const send = () => events.send('POST', '/api/event', caller, { type: 'seen', user_id: 'u', data: {} })
  const read = () => events.send('GET', '/api/event/amount/seen', caller)
  expect((await send()).status).toBe(201)
  await events.introduce(stores.blocked, 'BLOCKED', 5)
  expect([(await send()).status, (await read()).status]).toEqual([403, 403])
  const graph = await events.graphql(caller, '{ events { nodes { id } } }')
  expect([graph.status, graph.body.errors[0].extensions.code]).toEqual([403, 'STORE_BLOCKED'])
  // A command that arrives late has no effect.
  await events.introduce(stores.blocked, 'ACTIVE', 4)
  expect((await send()).status).toBe(403)
  await events.introduce(stores.blocked, 'ACTIVE', 6)
  expect([(await send()).status, (await read()).status]).toEqual([201, 200])
})

const revoke = (storeId: number, keyId: string, effectiveAt?: Date) =>
  events.graphql(
    events.service,
    'mutation($input: ApplyKeyRevocationInput!) { applyKeyRevocation(input: $input) { eventsDeleted } }',
    { input: { commandId: 9, storeId, keyId, effectiveAt: effectiveAt?.toISOString() } },
  )

test('a revoked key is refused at once, others of the store are not', async () => {
  const caller = events.store(stores.own)
  const admin: SignedInCaller = { role: 'ADMIN', keyId: randomUUID() }
  await revoke(stores.own, caller.keyId)
  await revoke(0, admin.keyId)
  const body = { type: 'seen', user_id: 'u', data: {}, store_id: 1 }
  expect((await events.send('POST', '/api/event', caller, body)).body.code).toBe('KEY_REVOKED')
  expect((await events.send('GET', '/api/event/amount/seen', caller)).status).toBe(401)
  expect((await events.send('POST', '/api/event', admin, body)).status).toBe(401)
  expect((await events.send('GET', '/api/event/amount/seen', admin)).status).toBe(401)
  expect((await events.send('POST', '/api/event', callers.store, body)).status).toBe(201)
})

test('a bulk of a caller without access is refused as a whole', async () => {
  const [revoked, blocked] = [events.store(60), events.store(61)]
  const admin: SignedInCaller = { role: 'ADMIN', keyId: randomUUID() }
  await events.introduce(60)
  await events.introduce(61, 'BLOCKED')
  await revoke(60, revoked.keyId)
  await revoke(0, admin.keyId)
  const good = '{"type":"seen","user_id":"u"}'
  const mutation = `mutation($input: RecordEventsInput!) { recordEvents(input: $input) { acceptedCount } }`
  for (const [caller, status, code] of [
    [revoked, 401, 'KEY_REVOKED'],
    [blocked, 403, 'STORE_BLOCKED'],
    [admin, 401, 'KEY_REVOKED'],
  ] as const) {
    for (const body of [
      good,
      '',
      'nonsense',
      '{"type":""}',
      `${good}\n`.repeat(2_500),
      `nonsense\n${good}`,
    ]) {
      const answer = await events.send(
        'POST',
        '/api/events',
        caller,
        body.replaceAll('"u"', '"u","store_id":61'),
        {
          'content-type': 'application/x-ndjson',
        },
      )
      expect([answer.status, answer.body.code, answer.body.accepted]).toEqual([status, code, 0])
    }
    for (const body of ['[]', '{}', '[1]', `[${good}]`])
      expect((await events.send('POST', '/api/events', caller, body)).status).toBe(status)
    for (const inputs of [[], [{ type: '', userId: '' }], [{ type: 'seen', userId: 'u', storeId: 30 }]]) {
      const { body } = await events.graphql(caller, mutation, { input: { events: inputs } })
      expect(body.errors[0].extensions.code).toBe(code)
    }
    const single = await events.send('POST', '/api/event', caller, { type: '\0', user_id: 'u' })
    expect([single.status, single.body.code]).toEqual([status, code])
  }
})

test('an erased user: events gone, counted once, late ones refused', async () => {
  const caller = events.store(20)
  const send = (user: string) =>
    events.send('POST', '/api/event', caller, { type: 'seen', user_id: user, data: {} })
  await Promise.all([send('erased'), send('erased'), send('stays')])
  const erase = async () =>
    (
      await events.graphql(
        events.service,
        'mutation($input: ApplyUserErasureInput!) { applyUserErasure(input: $input) { eventsDeleted } }',
        { input: { commandId: 77, storeId: 20, userId: 'erased' } },
      )
    ).body.data.applyUserErasure
  expect(await erase()).toEqual({ eventsDeleted: 2 })
  expect(await erase()).toEqual({ eventsDeleted: 2 })
  expect((await send('erased')).body).toMatchObject({ status: 409, code: 'USER_ERASED' })
  expect((await send('stays')).status).toBe(201)
  expect((await events.send('GET', '/api/event/amount/seen', caller)).body).toEqual([
    { date: expect.any(String), event_amount: 2 },
  ])
})

test('no event of an erased user survives writers that race with the erasure', async () => {
  const caller = events.store(21)
  const writers = Array.from({ length: 60 }, () =>
    events.send('POST', '/api/event', caller, { type: 'seen', user_id: 'racer', data: {} }),
  )
  await events.graphql(
    events.service,
    'mutation { applyUserErasure(input: { commandId: 1, storeId: 21, userId: "racer" }) { eventsDeleted } }',
  )
  const statuses = new Set((await Promise.all(writers)).map(({ status }) => status))
  expect([...statuses].every((status) => status === 201 || status === 409)).toBe(true)
  for (const table of ['events', 'quarter_totals', 'type_day_totals', 'day_totals', 'user_days']) {
    const { rowCount } = await events.owner.query(`SELECT FROM ${table} WHERE store_id = 21`)
    expect([table, rowCount]).toEqual([table, 0])
  }
})

test('a deleted store: all data is deleted, the count kept, tokens refused, and admins get STORE_NOT_FOUND', async () => {
  const caller = events.store(22)
  await events.introduce(22)
  for (const day of ['2026-01-01', '2026-02-01', '2026-02-02'])
    await events.graphql(
      caller,
      'mutation($input: RecordEventInput!) { recordEvent(input: $input) { event { id } } }',
      { input: { type: 't', userId: 'u', data: {}, occurredAt: `${day}T00:00:00Z`, idempotencyKey: day } },
    )
  const remove = async () =>
    (
      await events.graphql(
        events.service,
        'mutation { applyStoreDeletion(input: { commandId: 8, storeId: 22 }) { eventsDeleted } }',
      )
    ).body.data
  expect(await remove()).toEqual({ applyStoreDeletion: { eventsDeleted: 3 } })
  expect(await remove()).toEqual({ applyStoreDeletion: { eventsDeleted: 3 } })
  const body = { type: 't', user_id: 'u', data: {}, store_id: 22 }
  expect((await events.send('POST', '/api/event', caller, body)).status).toBe(404)
  expect((await events.send('GET', '/api/event/amount/t', caller)).status).toBe(401)
  expect((await events.send('POST', '/api/event', events.admin, body)).status).toBe(404)
})

test('a key that ends with its overlap is refused from that instant on; the earlier of two expiries applies', async () => {
  const start = Date.now()
  const caller = events.store(stores.own)
  const statuses = async () => [
    (await events.send('POST', '/api/event', caller, own)).status,
    (await events.send('GET', '/api/event/amount/seen', caller)).status,
  ]
  try {
    events.setNow(new Date(start))
    await revoke(stores.own, caller.keyId, new Date(start + 600_000))
    await revoke(stores.own, caller.keyId, new Date(start + 900_000))
    events.setNow(new Date(start + 599_999))
    expect(await statuses()).toEqual([201, 200])
    events.setNow(new Date(start + 600_000))
    expect(await statuses()).toEqual([401, 401])
    events.setNow(new Date(start + 1_000))
    expect(await statuses()).toEqual([201, 200])
    await revoke(stores.own, caller.keyId)
    expect(await statuses()).toEqual([401, 401])
    await revoke(stores.own, caller.keyId, new Date(start + 600_000))
    expect(await statuses()).toEqual([401, 401])
  } finally {
    events.setNow(new Date())
  }
})
