import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server)
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

const record = `mutation($input: RecordEventInput!) {
  recordEvent(input: $input) { duplicate event { id type userId storeId data occurredAt createdAt } }
}`
const recordMany = `mutation($input: RecordEventsInput!) {
  recordEvents(input: $input) {
    acceptedCount duplicateCount rejectedCount
    results { duplicate event { id userId } error { code field message } }
  }
}`

/** Rollups, recounted from raw events, next to the rollups as they are. */
async function rollups(storeId: number) {
  const recount = await events.owner.query(
    `SELECT type, (occurred_at AT TIME ZONE 'UTC')::date::text AS day, count(*)::int AS events,
            count(DISTINCT user_id)::int AS users
     FROM events WHERE store_id = $1 GROUP BY 1, 2 ORDER BY 1, 2`,
    [storeId],
  )
  const kept = await events.owner.query(
    `SELECT type, day::text, events::int, users::int FROM type_day_totals WHERE store_id = $1 ORDER BY 1, 2`,
    [storeId],
  )
  const recountDays = await events.owner.query(
    `SELECT (occurred_at AT TIME ZONE 'UTC')::date::text AS day, count(*)::int AS events,
            count(DISTINCT user_id)::int AS users
     FROM events WHERE store_id = $1 GROUP BY 1 ORDER BY 1`,
    [storeId],
  )
  const keptDays = await events.owner.query(
    `SELECT day::text, events::int, users::int FROM day_totals WHERE store_id = $1 ORDER BY 1`,
    [storeId],
  )
  return { kept: [kept.rows, keptDays.rows], recount: [recount.rows, recountDays.rows] }
}

test('an event is recorded with its data and its time of receipt', async () => {
  const input = { type: 'purchase', userId: 'visitor 1', data: { price: 10.5, items: ['a', { b: null }] } }
  const { status, body } = await events.graphql(events.store(1), record, { input })
  expect(status).toBe(200)
  const { event, duplicate } = body.data.recordEvent
  expect(duplicate).toBe(false)
  expect(event).toMatchObject({ ...input, storeId: 1 })
  expect(Number.isSafeInteger(Number(event.id))).toBe(true)
  expect(event.occurredAt).toBe(event.createdAt)
  expect(Math.abs(Date.now() - Date.parse(event.createdAt))).toBeLessThan(60_000)
})

test('the legacy path answers in the shape of the previous system, JSON or form', async () => {
  const caller = events.store(2)
  const json = await events.send('POST', '/api/event/', caller, {
    type: 'login',
    user_id: '7',
    data: { a: 1 },
    unknown: 1,
  })
  expect(json.status).toBe(201)
  expect(json.body).toEqual({
    id: expect.any(Number),
    type: 'login',
    store_id: 2,
    user_id: '7',
    data: { a: 1 },
    created_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}000$/),
  })
  const form = await events.send(
    'POST',
    '/api/event',
    caller,
    new URLSearchParams({ type: 'login', user_id: '7', data: '{"a":1}', store_id: '2' }).toString(),
    { 'content-type': 'application/x-www-form-urlencoded' },
  )
  expect(form.status).toBe(201)
  expect(form.body).toMatchObject({ store_id: 2, data: { a: 1 } })
})

test('many events are written in shared batches and counted exactly', async () => {
  const caller = events.store(3)
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      events.graphql(caller, record, {
        input: { type: `type ${String(n % 3)}`, userId: `user ${String(n % 17)}`, data: {} },
      }),
    ),
  )
  const ids = answers.map(({ body }) => body.data.recordEvent.event.id)
  expect(new Set(ids).size).toBe(200)
  const { kept, recount } = await rollups(3)
  expect(kept).toEqual(recount)
  expect(kept[1]).toEqual([expect.objectContaining({ events: 200, users: 17 })])
})

test('each event of a bulk has its own result, in order', async () => {
  const { body } = await events.graphql(events.store(4), recordMany, {
    input: {
      events: [
        { type: 'a', userId: 'u1', data: {}, idempotencyKey: 'k' },
        { type: '', userId: 'u2', data: {} },
        { type: 'a', userId: 'u1', data: {}, idempotencyKey: 'k' },
        { type: 'a', userId: 'nul \u0000', data: {} },
        { type: 'a', userId: 'u3', data: { deep: '\ud800' } },
        { type: 'a', userId: 'u4', data: {}, storeId: 5 },
        { type: 'a', userId: 'u5', data: {}, occurredAt: '2100-01-01T00:00:00Z' },
        { type: 'a', userId: 'u6', data: {}, idempotencyKey: 'k' },
      ],
    },
  })
  const { results, ...counts } = body.data.recordEvents
  expect(counts).toEqual({ acceptedCount: 1, duplicateCount: 1, rejectedCount: 6 })
  expect(
    results.map((result: any) => result.error?.code ?? (result.duplicate ? 'duplicate' : 'accepted')),
  ).toEqual([
    'accepted',
    'BAD_USER_INPUT',
    'duplicate',
    'BAD_USER_INPUT',
    'BAD_USER_INPUT',
    'FORBIDDEN',
    'BAD_USER_INPUT',
    'IDEMPOTENCY_KEY_REUSED',
  ])
  expect(results.map((result: any) => result.error?.field ?? null)).toEqual([
    null,
    'type',
    null,
    'userId',
    'data.deep',
    null,
    'occurredAt',
    'idempotencyKey',
  ])
  expect(results[2].event.id).toBe(results[0].event.id)
})

test('an idempotency key counts once, however many duplicates race', async () => {
  const caller = events.store(6)
  const body = { type: 'order', user_id: 'u', data: { n: 1 } }
  const answers = await Promise.all(
    Array.from({ length: 30 }, () =>
      events.send('POST', '/api/event', caller, body, { 'idempotency-key': 'order-1' }),
    ),
  )
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
  expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1)
  const other = await events.send(
    'POST',
    '/api/event',
    caller,
    { ...body, data: { n: 2 } },
    { 'idempotency-key': 'order-1' },
  )
  expect(other.status).toBe(422)
  expect(other.body).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED', field: 'idempotency-key' })
  await events.send('DELETE', '/api/event/u', caller)
  const erased = await events.send('POST', '/api/event', caller, body, { 'idempotency-key': 'order-1' })
  expect(erased.status).toBe(409)
  // Keys are unique per store only.
  const elsewhere = await events.send('POST', '/api/event', events.store(7), body, {
    'idempotency-key': 'order-1',
  })
  expect(elsewhere.status).toBe(201)
})

test('a line of a file of events can be sent alone: its time and its idempotency key apply', async () => {
  const caller = events.store(17)
  const line = {
    type: 'alone',
    user_id: 'u',
    data: {},
    occurred_at: '2026-10-01T23:59:59Z',
    idempotency_key: 'line-1',
  }
  const send = (body: object) => events.send('POST', '/api/event', caller, body)
  const [first, again] = [await send(line), await send(line)]
  expect([first.status, again.status]).toEqual([201, 201])
  expect(first.body).toMatchObject({ occurred_at: '2026-10-01T23:59:59.000Z', duplicate: false })
  expect(again.body).toEqual({ ...first.body, duplicate: true })
  expect((await events.send('GET', '/api/event/amount/alone', caller)).body).toEqual([
    { date: '2026-10-01', event_amount: 1 },
  ])
  const other = await send({ ...line, occurred_at: '2026-10-02T00:00:00Z' })
  expect([other.status, other.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED'])
  const ahead = await send({ ...line, idempotency_key: 'line-2', occurred_at: '2999-01-01T00:00:00Z' })
  expect([ahead.status, ahead.body.field]).toEqual([422, 'occurred_at'])
})

test('a response includes the time of the event and whether it is a duplicate if its sender uses these new members', async () => {
  const caller = events.store(18)
  const send = async (more: object, headers?: Record<string, string>) =>
    (await events.send('POST', '/api/event', caller, { type: 'a', user_id: 'u', ...more }, headers)).body
  const plain = ['id', 'type', 'store_id', 'user_id', 'data', 'created_at']
  expect(Object.keys(await send({ data: {}, time: 1 }))).toEqual(plain)
  const headers = { 'idempotency-key': 'once' }
  const first = await send({}, headers)
  expect(Object.keys(first)).toEqual([...plain, 'occurred_at', 'duplicate'])
  expect(`${first.occurred_at.slice(0, -1)}000`).toBe(first.created_at)
  expect(await send({}, headers)).toEqual({ ...first, duplicate: true })
  expect(await send({ occurred_at: '2026-10-01T02:00:00+02:00' })).toMatchObject({
    occurred_at: '2026-10-01T00:00:00.000Z',
    duplicate: false,
  })
})

test('data that is absent, null or an empty list is an empty object, over every route', async () => {
  const caller = events.store(19)
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  for (const data of ['', '"data":null,', '"data":[],', '"data":{},']) {
    const event = `{${data}"type":"a","user_id":"u"}`
    const one = await events.send('POST', '/api/event', caller, event)
    expect([one.status, one.body.data]).toEqual([201, {}])
    for (const [body, type] of [
      [`[${event}]`, 'application/json'],
      [event, 'application/x-ndjson'],
    ] as const) {
      const bulk = await events.send('POST', '/api/events', caller, body, { 'content-type': type })
      expect(bulk.body).toMatchObject({ accepted: 1, rejected: 0 })
    }
    const input = { type: 'a', userId: 'u', ...(JSON.parse(event) as { data?: unknown }) }
    const { user_id: _user, ...sent } = input as { user_id?: string }
    expect((await events.graphql(caller, record, { input: sent })).body.errors).toBeUndefined()
    expect(
      (await events.graphql(caller, recordMany, { input: { events: [sent, sent] } })).body.data.recordEvents,
    ).toMatchObject({ acceptedCount: 2 })
    const literal = `mutation { recordEvent(input: { type: "a", userId: "u", ${data.replaceAll('"', '')} }) { event { data } } }`
    expect((await events.graphql(caller, literal)).body.data).toEqual({
      recordEvent: { event: { data: {} } },
    })
  }
  for (const data of ['', '&data=null', '&data=[]', '&data={}']) {
    const form = await events.send('POST', '/api/event', caller, `type=a&user_id=u${data}`, headers)
    expect([form.status, form.body.data]).toEqual([201, {}])
  }
  const { rows } = await events.owner.query(
    'SELECT data, count(*)::int AS n FROM events WHERE store_id = 19 GROUP BY 1',
  )
  expect(rows).toEqual([{ data: {}, n: 4 * 7 + 4 }])
})

test('all faults of an event are reported at once, however it is sent', async () => {
  const caller = events.store(18)
  const event = {
    type: ' \0',
    user_id: '',
    data: { a: ['\udc00'], b: 1 },
    occurred_at: '2999-01-01T00:00:00Z',
  }
  const one = await events.send('POST', '/api/event', caller, { ...event, user_id: 'u' })
  expect(one.body.errors.map(({ field }: any) => field)).toEqual(['type', 'data.a[0]', 'occurred_at'])
  expect(one.body.detail.split('; ').map((part: string) => part.split(':')[0])).toEqual([
    'type',
    'data.a[0]',
    'occurred_at',
  ])
  const input = { type: '', userId: '', occurredAt: event.occurred_at, idempotencyKey: 'x'.repeat(256) }
  const graph = await events.graphql(caller, record, { input })
  expect(graph.body.errors[0].extensions.errors.map(({ field }: any) => field)).toEqual([
    'type',
    'userId',
    'occurredAt',
    'idempotencyKey',
  ])
  const admin = await events.graphql(events.admin, record, { input })
  expect(admin.body.errors[0].extensions.errors[0].field).toBe('storeId')
  const line = { ...event, user_id: '\0', idempotency_key: '\0' }
  const bulk = await events.send('POST', '/api/events', caller, [line])
  expect(bulk.body.errors[0].message.split('; ').map((part: string) => part.split(':')[0])).toEqual([
    'type',
    'user_id',
    'data.a[0]',
    'occurred_at',
    'idempotency_key',
  ])
})

test('an old event gets the partition of its month and counts on its day', async () => {
  const caller = events.store(8)
  await events.graphql(caller, record, {
    input: { type: 'late', userId: 'u', data: {}, occurredAt: '2021-02-28T23:59:59.999Z' },
  })
  await events.graphql(caller, record, {
    input: { type: 'late', userId: 'u', data: {}, occurredAt: '2021-03-01T01:00:00+02:00' },
  })
  const { body } = await events.send('GET', '/api/event/amount/late', caller)
  expect(body).toEqual([{ date: '2021-02-28', event_amount: 2 }])
  const { rows } = await events.owner.query(
    `SELECT DISTINCT tableoid::regclass::text AS partition FROM events WHERE type = 'late'`,
  )
  expect(rows).toEqual([{ partition: 'events_y2021m02' }])
})

test.each([
  ['a missing member', { type: 'a', data: {} }, 'user_id'],
  ['a number for a string', { type: 1, user_id: 'u', data: {} }, 'type'],
  ['a null', { type: 'a', user_id: null, data: {} }, 'user_id'],
  ['an array for data', { type: 'a', user_id: 'u', data: [1] }, 'data'],
  ['a string for data', { type: 'a', user_id: 'u', data: '{}' }, 'data'],
  ['a misspelt time', { type: 'a', user_id: 'u', occurredAt: '2026-10-01T00:00:00Z' }, 'occurredAt'],
  ['a misspelt key', { type: 'a', user_id: 'u', idempotencyKey: 'a' }, 'idempotencyKey'],
  ['misspelt data', { type: 'a', user_id: 'u', Data: {} }, 'Data'],
  ['a misspelt store', { type: 'a', user_id: 'u', storeId: 9 }, 'storeId'],
  ['half a pair in an array', { type: 'a', user_id: 'u', data: { x: [1, { y: '\udc00' }] } }, 'data.x[1].y'],
  ['an empty type', { type: '', user_id: 'u', data: {} }, 'type'],
  ['a type that is too long', { type: 'x'.repeat(129), user_id: 'u', data: {} }, 'type'],
  ['a NUL', { type: 'a', user_id: 'u\u0000', data: {} }, 'user_id'],
  ['a NUL in a name of data', { type: 'a', user_id: 'u', data: { 'x\u0000': 1 } }, 'data'],
  ['half a surrogate pair', { type: 'a', user_id: 'u', data: { x: '\udc00' } }, 'data.x'],
  ['data that is too large', { type: 'a', user_id: 'u', data: { x: 'x'.repeat(65_536) } }, 'data'],
  ['a store out of range', { type: 'a', user_id: 'u', data: {}, store_id: 3_000_000_000 }, 'store_id'],
])('%s is refused, naming the field, and nothing is written', async (_what, body, field) => {
  const answer = await events.send('POST', '/api/event', events.store(9), body)
  expect(answer.status).toBe(422)
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
  expect(answer.body).toMatchObject({
    status: 422,
    code: 'BAD_USER_INPUT',
    field,
    detail: answer.body.message,
  })
  const { rows } = await events.owner.query('SELECT FROM events WHERE store_id = 9')
  expect(rows).toHaveLength(0)
})

test('malformed bodies are 400, deep and inexact ones 422, huge ones 413', async () => {
  const caller = events.store(9)
  const post = async (body: string | Uint8Array) =>
    (await events.send('POST', '/api/event', caller, body)).status
  expect(await post('{"type":')).toBe(400)
  expect(await post('')).toBe(400)
  expect(await post(new Uint8Array([0x7b, 0xff, 0x7d]))).toBe(400)
  expect(await post('[]')).toBe(422)
  expect(await post(`{"type":"a","user_id":"u","data":{"n":1e400}}`)).toBe(422)
  expect(await post(`{"type":"a","user_id":"u","data":{"n":12345678901234567890}}`)).toBe(422)
  expect(await post(`{"type":"a","user_id":"u","data":${'{"a":'.repeat(40)}1${'}'.repeat(40)}}`)).toBe(422)
  expect(await post(`{"type":"a","user_id":"u","data":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)).toBe(
    422,
  )
  expect(await post(`"${'x'.repeat(17_000_000)}"`)).toBe(413)
})

test('pages contain all events once, newest first', async () => {
  const caller = events.store(10)
  await events.graphql(caller, recordMany, {
    input: {
      events: Array.from({ length: 25 }, (_, n) => ({
        type: n % 2 ? 'odd' : 'even',
        userId: `u${String(n % 2)}`,
        data: { n },
        // Two events share each instant.
        occurredAt: new Date(Date.now() - Math.floor(n / 2) * 1_000).toISOString(),
      })),
    },
  })
  const query = `query($after: String, $first: Int!, $types: [String!]) {
    events(first: $first, after: $after, types: $types) { nodes { id data } edges { cursor } pageInfo { endCursor hasNextPage } }
  }`
  const seen: string[] = []
  let after: string | null = null
  do {
    const answer = await events.graphql(caller, query, { first: 10, after })
    seen.push(...answer.body.data.events.nodes.map((node: any) => node.id))
    after = answer.body.data.events.pageInfo.hasNextPage ? answer.body.data.events.pageInfo.endCursor : null
  } while (after !== null)
  expect(seen).toHaveLength(25)
  expect(new Set(seen).size).toBe(25)
  const odd = await events.graphql(caller, query, { first: 100, types: ['odd'] })
  expect(odd.body.data.events.nodes).toHaveLength(12)
  for (const [first, cursor] of [
    [10_001, null],
    [-1, null],
    [1, 'nonsense'],
  ] as const) {
    const refused = await events.graphql(caller, query, { first, after: cursor })
    expect(refused.body.errors[0].extensions.code).toBe('BAD_USER_INPUT')
  }
})

test('deleting the events of a user corrects every rollup', async () => {
  const caller = events.store(11)
  await events.graphql(caller, recordMany, {
    input: {
      events: Array.from({ length: 60 }, (_, n) => ({
        type: `t${String(n % 4)}`,
        userId: `u${String(n % 5)}`,
        data: {},
        occurredAt: new Date(Date.UTC(2026, 0, 1 + (n % 6), 12)).toISOString(),
      })),
    },
  })
  const deleted = await events.send('DELETE', '/api/event/u3', caller)
  expect(deleted.body).toEqual({ message: '12 events were deleted' })
  const { kept, recount } = await rollups(11)
  expect(kept).toEqual(recount)
  expect((await events.send('DELETE', '/api/event/u3', caller)).body).toEqual({
    message: '0 events were deleted',
  })
  const all = await events.send('DELETE', '/api/event/by-store/11', caller)
  expect(all.body).toEqual({ message: '48 events were deleted' })
  for (const table of [
    'events',
    'quarter_totals',
    'type_day_totals',
    'day_totals',
    'user_type_days',
    'user_days',
  ]) {
    const { rowCount } = await events.owner.query(`SELECT FROM ${table} WHERE store_id = 11`)
    expect([table, rowCount]).toEqual([table, 0])
  }
})

test('a page of large events ends early, and the next one continues from there', async () => {
  const caller = events.store(77)
  const inputs = Array.from({ length: 75 }, (_, n) => ({
    type: 'large',
    userId: `u-${String(n)}`,
    data: { text: 'x'.repeat(60_000) },
    occurredAt: new Date(Date.UTC(2026, 10, 1) + n).toISOString(),
  }))
  const { body } = await events.graphql(caller, recordMany, { input: { events: inputs } })
  expect(body.data.recordEvents.acceptedCount).toBe(75)
  const query =
    'query($after: String) { events(first: 1000, after: $after) { nodes { userId } pageInfo { endCursor hasNextPage } } }'
  const pageAfter = async (after: string | null) =>
    (await events.graphql(caller, query, { after })).body.data.events
  const first = await pageAfter(null)
  const second = await pageAfter(first.pageInfo.endCursor)
  // 4 MiB hold 69 of them.
  expect([first.nodes.length, first.pageInfo.hasNextPage]).toEqual([69, true])
  expect([second.nodes.length, second.pageInfo.hasNextPage]).toEqual([6, false])
  expect([...first.nodes, ...second.nodes].map(({ userId }: { userId: string }) => userId)).toEqual(
    inputs.map(({ userId }) => userId).toReversed(),
  )
})
