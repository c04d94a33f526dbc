import { createHash, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import type { SignedInCaller } from '@user-stats/core'
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

const selection = `nodes { at requestId actor { role keyId storeId } action storeId recordIds recordCount fields }
  pageInfo { endCursor hasNextPage }`
const log = async (filter: string, caller: SignedInCaller | null = events.admin): Promise<any> => {
  const { body } = await events.graphql(caller, `{ eventsAuditLog${filter} { ${selection} } }`)
  return body.data?.eventsAuditLog ?? body.errors[0].extensions
}
const ofStore = async (storeId: number): Promise<any[]> =>
  (await log(`(storeId: ${String(storeId)}, first: 1000)`)).nodes

let count = 0
/** A store with three events of a visitor and one of a registered user. */
async function storeWithEvents() {
  count += 1
  const caller = events.store(count)
  await events.introduce(count)
  const user = randomUUID()
  for (const userId of ['jane@example.org', 'jane@example.org', 'jane@example.org', user])
    await events.send('POST', '/api/event', caller, { type: 'view', user_id: userId, data: {} })
  return { id: count, caller, user }
}

const send = (requestId: string, caller: SignedInCaller, query: string, variables?: object) =>
  events.send('POST', '/graphql', caller, { query, variables }, { 'x-request-id': requestId })

test('deleting a user’s events is recorded; the id of a visitor is recorded as a digest', async () => {
  const { id, caller, user } = await storeWithEvents()
  const remove =
    'mutation($input: DeleteUserEventsInput!) { deleteUserEvents(input: $input) { deletedCount } }'
  await send('one', caller, remove, { input: { userId: 'jane@example.org' } })
  await send('two', events.admin, remove, { input: { userId: user, storeId: id } })
  await send('three', caller, remove, { input: { userId: 'unknown' } })
  const digest = createHash('sha256').update('jane@example.org').digest('base64url')
  const admin = { role: 'ADMIN', keyId: 'keyId' in events.admin ? events.admin.keyId : null, storeId: null }
  expect(await ofStore(id)).toEqual([
    expect.objectContaining({ requestId: 'two', actor: admin, recordIds: [user], recordCount: 1 }),
    {
      at: expect.any(String),
      requestId: 'one',
      actor: { role: 'STORE', keyId: caller.keyId, storeId: id },
      action: 'USER_EVENTS_DELETED',
      storeId: id,
      recordIds: [`sha256:${digest}`],
      recordCount: 3,
      fields: [],
    },
  ])
  // Someone who knows the visitor's id finds the entry.
  expect((await log('(recordId: "jane@example.org")')).nodes).toHaveLength(1)
  expect((await log(`(storeId: ${String(id)}, recordId: "${user}")`)).nodes).toHaveLength(1)
  const { rows } = await events.owner.query('SELECT a::text FROM audit_log a')
  expect(JSON.stringify(rows)).not.toContain('jane')
})

test('deleting a store’s events is recorded once, with the number of events', async () => {
  const { id, caller } = await storeWithEvents()
  await events.send('POST', '/api/events', caller, [
    { type: 'view', user_id: 'v', occurred_at: '2026-01-02T00:00:00Z', data: {} },
  ])
  await events.send('DELETE', `/api/event/by-store/${String(id)}`, caller)
  expect(await ofStore(id)).toMatchObject([
    { action: 'STORE_EVENTS_DELETED', recordIds: [String(id)], recordCount: 5 },
  ])
})

test('an erasure by the users service is recorded once, however often the command is delivered', async () => {
  const { id, user } = await storeWithEvents()
  const apply = (field: string, input: string, more: object) =>
    send(field, events.service, `mutation($input: ${input}!) { ${field}(input: $input) { eventsDeleted } }`, {
      input: { commandId: 7, storeId: id, ...more },
    })
  for (let run = 0; run < 2; run += 1)
    await apply('applyUserErasure', 'ApplyUserErasureInput', { userId: user })
  for (let run = 0; run < 2; run += 1)
    await apply('applyStoreDeletion', 'ApplyStoreDeletionInput', { commandId: 8 })
  const actor = { role: 'SERVICE', keyId: null, storeId: null }
  expect(await ofStore(id)).toMatchObject([
    { action: 'STORE_DELETION_APPLIED', actor, recordIds: [String(id)], recordCount: 3 },
    { action: 'USER_ERASURE_APPLIED', actor, recordIds: [user], recordCount: 1 },
  ])
})

test('a verification is recorded before it runs', async () => {
  const { id } = await storeWithEvents()
  const verify = `{ verifyRollups(storeId: ${String(id)}, from: "2026-01-01", to: "2026-02-01") { consistent } }`
  await send('check', events.admin, verify)
  expect(await ofStore(id)).toMatchObject([
    { action: 'ROLLUPS_VERIFIED', requestId: 'check', actor: { role: 'ADMIN' } },
  ])
})

test('recording and reading events write no entry', async () => {
  const { id, caller } = await storeWithEvents()
  await events.send('GET', '/api/event/amount/view', caller)
  await send('read', caller, '{ events { nodes { userId } } eventAmount(type: "view") { eventAmount } }')
  expect(await ofStore(id)).toEqual([])
})

test('events are not deleted if the deletion cannot be recorded', async () => {
  const { id, caller } = await storeWithEvents()
  const role = new URL(events.database.url).username
  await events.owner.query(`REVOKE INSERT ON audit_log FROM ${role}`)
  try {
    const { status } = await events.send('DELETE', `/api/event/by-store/${String(id)}`, caller)
    expect(status).toBe(500)
  } finally {
    await events.owner.query(`GRANT INSERT ON audit_log TO ${role}`)
  }
  const { body } = await events.send('GET', '/api/event/amount/view', caller)
  expect(body).toMatchObject([{ event_amount: 4 }])
})

test('the log is for admins, paged from the newest on', async () => {
  const { id, caller } = await storeWithEvents()
  for (const who of [caller, events.service]) expect(await log('', who)).toEqual({ code: 'FORBIDDEN' })
  // The schema for analysts has no such field.
  for (const who of [events.analyst(), events.analyst(id)])
    expect(await log('', who)).toEqual({ code: 'GRAPHQL_VALIDATION_FAILED' })
  expect(await log('', null)).toEqual({ code: 'UNAUTHENTICATED' })

  const { nodes } = await log('(first: 1000)')
  const first = await log('(first: 2)')
  const rest = await log(`(first: 1000, after: "${first.pageInfo.endCursor}")`)
  expect([...first.nodes, ...rest.nodes]).toEqual(nodes)
  expect(nodes.map(({ at }: { at: string }) => at)).toEqual(
    nodes
      .map(({ at }: { at: string }) => at)
      .toSorted()
      .reverse(),
  )
})
