import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { hasEmail } from '../src/modules/event/email-detector.ts'
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

let commandId = 100
const set = (storeId: number, refuseEmailLikeData: boolean) =>
  events.graphql(
    events.service,
    'mutation($input: ApplyStoreSettingsInput!) { applyStoreSettings(input: $input) { eventsDeleted } }',
    { input: { commandId: commandId++, storeId, refuseEmailLikeData } },
  )
const held = async (storeId: number) =>
  (await events.owner.query(`SELECT FROM events WHERE store_id = $1`, [storeId])).rowCount
const plain = { type: 'seen', user_id: 'u', data: {} }
const address = 'jane@example.org'

test.each([
  [address, true],
  ['Write to jane.doe+shop@mail.example.co.uk.', true],
  ['mailto:jane@example.org?subject=x', true],
  ['/list?email=jane%40example.org', true],
  ['jane＠example.org', true],
  ['жанна@пример.рф', true],
  ['"jane doe"@example.org', true],
  ['a@b@c.org', true],
  ['a\njane@example.org\n', true],
  ['jane', false],
  ['jane@localhost', false],
  ['@example.org', false],
  ['see @ example.org', false],
  ['left-pad@1.3.0', false],
  ['jane@example.', false],
  ['50 % @ 3.50', false],
  ['', false],
])('whether %j looks like an e-mail address: %s', (text, expected) => {
  expect(hasEmail(text)).toBe(expected)
})

test('an address is found at any position, and hostile texts do not slow the search down', () => {
  fc.assert(
    fc.property(fc.emailAddress(), fc.string(), fc.string(), (email, before, after) => {
      expect(hasEmail(`${before} ${email} ${after}`)).toBe(true)
    }),
  )
  for (const part of ['@', 'a@', 'a@a', 'a@-', 'a@a-', 'a.@.', 'a@.a', '%40', 'a@a.1 '])
    expect([part, hasEmail(part.repeat(65_536 / part.length))]).toEqual([part, false])
})

test.each([
  ['user_id', { ...plain, user_id: address }, 'user_id: must not look'],
  ['type', { ...plain, type: `login of ${address}` }, 'type: must not look'],
  ['data.contact', { ...plain, data: { ok: 1, contact: address } }, 'data.contact: must not look'],
  ['data.a.0.b.1', { ...plain, data: { a: [{ b: ['x', `<${address}>`] }] } }, 'data.a.0.b.1: must not look'],
  [
    'data.people',
    { ...plain, data: { people: { [address]: 1 } } },
    'data.people: must not have a member whose name looks',
  ],
])(
  'a store that refuses addresses gets an error that %s contains one, and nothing is stored',
  async (field, body, rule) => {
    const storeId = 10
    await set(storeId, true)
    const answer = await events.send('POST', '/api/event', events.store(storeId), body)
    expect([answer.status, answer.body.code, answer.body.field]).toEqual([422, 'BAD_USER_INPUT', field])
    expect(answer.body.message).toContain(rule)
    expect(answer.body.message).toContain('refuseEmailLikeData')
    expect(JSON.stringify(answer.body)).not.toContain('jane')
    expect(await held(storeId)).toBe(0)
  },
)

test('the idempotency key of an event is checked too', async () => {
  await set(11, true)
  const answer = await events.send('POST', '/api/event', events.store(11), plain, {
    'idempotency-key': `order of ${address}`,
  })
  expect([answer.status, answer.body.field]).toEqual([422, 'idempotency-key'])
  const body = { ...plain, idempotency_key: `order of ${address}` }
  expect((await events.send('POST', '/api/event', events.store(11), body)).body.field).toBe('idempotency_key')
})

test('of a batch and of a bulk only those with an address are refused, from the first on', async () => {
  await events.introduce(12)
  await set(12, true)
  const inputs = [{ x: 'ok' }, { x: address }, { y: 'fine' }].map((data) => ({
    type: 'a',
    userId: 'u',
    data,
  }))
  const { body } = await events.graphql(
    events.store(12),
    'mutation($input: RecordEventsInput!) { recordEvents(input: $input) { acceptedCount results { event { data } error { code field } } } }',
    { input: { events: inputs } },
  )
  expect(body.data.recordEvents).toEqual({
    acceptedCount: 2,
    results: [
      { event: { data: { x: 'ok' } }, error: null },
      { event: null, error: { code: 'BAD_USER_INPUT', field: 'data.x' } },
      { event: { data: { y: 'fine' } }, error: null },
    ],
  })
  const lines = [plain, { ...plain, user_id: address }, { ...plain, data: { deep: [[address]] } }]
  const bulk = await events.send(
    'POST',
    '/api/events',
    events.store(12),
    lines.map((line) => JSON.stringify(line)).join('\n'),
    { 'content-type': 'application/x-ndjson' },
  )
  expect(bulk.body).toMatchObject({
    accepted: 1,
    rejected: 2,
    errors: [
      { line: 2, field: 'user_id' },
      { line: 3, field: 'data.deep.0.0' },
    ],
  })
  expect(await held(12)).toBe(3)
  const report = await events.graphql(
    events.admin,
    '{ verifyRollups(storeId: 12, from: "2026-01-01", to: "2027-01-01") { consistent } }',
  )
  expect(report.body.data.verifyRollups).toEqual({ consistent: true })
})

test('other stores, and this one after changing its setting, may send addresses', async () => {
  const body = { ...plain, data: { contact: address } }
  const send = async (storeId: number) =>
    (await events.send('POST', '/api/event', events.store(storeId), body)).status
  await set(13, true)
  expect([await send(13), await send(14)]).toEqual([422, 201])
  await set(13, false)
  expect([await send(13), await send(13)]).toEqual([201, 201])
  await set(13, true)
  expect(await send(13)).toBe(422)
})

test('the setting also applies to admins who write for the store, and on other replicas', async () => {
  await using replica = await startEvents(server, { database: events.database })
  await events.introduce(15)
  await set(15, true)
  const answer = await replica.send('POST', '/api/event', replica.admin, {
    ...plain,
    user_id: address,
    store_id: 15,
  })
  expect([answer.status, answer.body.field]).toEqual([422, 'user_id'])
})

test('once the setting is answered, no event with an address that was in flight is written', async () => {
  const storeId = 16
  const store = events.store(storeId)
  const body = { ...plain, data: { contact: address } }
  const under = Array.from({ length: 60 }, () => events.send('POST', '/api/event', store, body))
  await set(storeId, true)
  const then = await held(storeId)
  const statuses = (await Promise.all(under)).map(({ status }) => status)
  expect(await held(storeId)).toBe(then)
  expect(statuses.filter((status) => status === 201)).toHaveLength(then ?? -1)
  expect((await events.send('POST', '/api/event', store, body)).status).toBe(422)
})

test('an older command that arrives late has no effect', async () => {
  await set(17, true)
  await events.graphql(
    events.service,
    'mutation { applyStoreSettings(input: { commandId: 1, storeId: 17, refuseEmailLikeData: false }) { eventsDeleted } }',
  )
  const { status } = await events.send('POST', '/api/event', events.store(17), { ...plain, user_id: address })
  expect(status).toBe(422)
})
