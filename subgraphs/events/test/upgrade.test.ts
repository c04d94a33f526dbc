import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { grantServicePrivileges, migrate } from '@user-stats/postgres'
import type { TestDatabase, TestPostgres } from '@user-stats/postgres/testing'
import { copyRows, migrateUpTo, query } from '@user-stats/postgres/testing/migrations'
import { eventsSchema } from '@user-stats/prisma-events'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startDatabaseServer()
})
afterAll(() => server.stop())

/** The last version that erased in one step, without recording progress. */
const before = '20261123010000_retention'
const now = new Date('2026-06-15T12:00:00Z')
const [shop, blocked, leaving] = [1, 2, 3]
const [erased, erasing, kept] = [randomUUID(), randomUUID(), randomUUID()]

/** @returns the event's id, or the code of what was wrong */
async function record(
  events: Harness,
  storeId: number,
  userId: string,
  day: string,
  idempotencyKey?: string,
) {
  const input = { type: 'view', userId, data: {}, occurredAt: `${day}T10:00:00Z`, idempotencyKey }
  const { body } = await events.graphql(
    events.store(storeId),
    'mutation($input: RecordEventInput!) { recordEvent(input: $input) { event { id } } }',
    { input },
  )
  return (body.data?.recordEvent.event.id ?? body.errors[0].extensions.code) as string
}

async function apply(events: Harness, field: string, input: Record<string, unknown>) {
  const { body } = await events.graphql(
    events.service,
    `mutation($input: ${field.slice(0, 1).toUpperCase()}${field.slice(1)}Input!) {
      applied: ${field}(input: $input) { finished eventsDeleted }
    }`,
    { input },
  )
  expect(body.errors).toBeUndefined()
  return body.data.applied
}

/**
 * Events of the current service, in a database of the old version, with erasures completed and interrupted
 * then.
 */
async function makeOld(): Promise<TestDatabase> {
  const today = await server.createDatabase(eventsSchema)
  {
    await using events = await startEvents(server, { now, database: today })
    for (const storeId of [shop, blocked, leaving]) {
      await events.introduce(storeId)
      for (const [userId, day] of [
        [kept, '2026-03-01'],
        [kept, '2026-05-31'],
        [erasing, '2026-03-01'],
        ['a visitor', '2026-04-02'],
      ] as const)
        expect(await record(events, storeId, userId, day, `${userId} ${day}`)).toMatch(/^\d+$/)
    }
  }
  const database = await server.createDatabase()
  const { ownerUrl } = database
  await migrateUpTo({ url: ownerUrl, ...eventsSchema }, before)
  for (const month of [3, 4, 5, 6]) await query(ownerUrl, `SELECT ensure_month('2026-0${String(month)}-01')`)
  await copyRows(today.ownerUrl, ownerUrl, [
    'events',
    'type_day_totals',
    'day_totals',
    'user_type_days',
    'user_days',
    'idempotency_keys',
  ])
  await query(ownerUrl, `SELECT setval('events_id_seq', (SELECT max(id) FROM events))`)
  await query(
    ownerUrl,
    `INSERT INTO store_access (store_id, state, command_id) VALUES
       (${String(shop)}, 'ACTIVE', 1), (${String(blocked)}, 'BLOCKED', 4), (${String(leaving)}, 'DELETED', 6), (900, 'DELETED', 5)`,
  )
  await query(
    ownerUrl,
    `INSERT INTO store_settings (store_id, retention_days, command_id) VALUES (1, 3650, 3)`,
  )
  await query(
    ownerUrl,
    'INSERT INTO erased_users (store_id, user_id, erased_at) VALUES (1, $1, now()), (2, $1, now())',
    [erased],
  )
  // Of the second deletion a day was done, whose row is deleted already.
  await query(
    ownerUrl,
    `INSERT INTO erasures (store_id, command_id, events_deleted, finished_at) VALUES
       (1, 2, 7, '2026-01-03Z'), (${String(leaving)}, 7, 11, NULL), (900, 5, 9, '2026-01-03Z')`,
  )
  return database
}

const verify = async (events: Harness) =>
  (
    await events.graphql(
      events.admin,
      `{ verifyRollups(from: "2026-01-01", to: "2026-12-31") { consistent eventsCounted } }`,
    )
  ).body.data.verifyRollups

test('a database of a version without stepwise erasures is upgraded: completed erasures are not repeated, interrupted ones are finished', async () => {
  const database = await makeOld()
  const { ownerUrl } = database
  await migrate({ url: ownerUrl, ...eventsSchema })
  await grantServicePrivileges({ ownerUrl, role: new URL(database.url).username })
  await using events = await startEvents(server, { now, database })
  // Events of the store that is being deleted are no longer counted.
  expect(await verify(events)).toEqual({ consistent: true, eventsCounted: 8 })

  // Delivered again, as after a lost response.
  const done = { finished: true, eventsDeleted: 7 }
  expect(await apply(events, 'applyUserErasure', { storeId: shop, commandId: 2, userId: erased })).toEqual(
    done,
  )
  // Decided in the old version, delivered now.
  expect(await apply(events, 'applyUserErasure', { storeId: shop, commandId: 8, userId: erasing })).toEqual({
    finished: true,
    eventsDeleted: 1,
  })
  // Interrupted in the old version: its count continues.
  expect(await apply(events, 'applyStoreDeletion', { storeId: leaving, commandId: 7 })).toEqual({
    finished: true,
    eventsDeleted: 11 + 4,
  })
  expect(await verify(events)).toEqual({ consistent: true, eventsCounted: 7 })

  for (const userId of [erased, erasing])
    expect(await record(events, shop, userId, '2026-05-01')).toBe('USER_ERASED')
  expect(await record(events, blocked, kept, '2026-05-01')).toBe('STORE_BLOCKED')
  expect(await record(events, leaving, kept, '2026-05-01')).toBe('STORE_NOT_FOUND')
  // The key of an old event returns that event; a new event counts once, in an existing month.
  const known = await record(events, shop, kept, '2026-03-01', `${kept} 2026-03-01`)
  expect(await query(ownerUrl, 'SELECT user_id FROM events WHERE id = $1', [known])).toEqual([
    { user_id: kept },
  ])
  const fresh = await record(events, shop, kept, '2026-04-09')
  expect(Number(fresh)).toBeGreaterThan(Number(known))
  expect((await events.send('GET', '/api/event/amount/view', events.store(shop))).body).toEqual([
    { date: '2026-05-31', event_amount: 1 },
    { date: '2026-04-09', event_amount: 1 },
    { date: '2026-04-02', event_amount: 1 },
    { date: '2026-03-01', event_amount: 1 },
  ])
  expect(await verify(events)).toEqual({ consistent: true, eventsCounted: 8 })
})
