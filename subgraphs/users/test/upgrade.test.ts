import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { grantServicePrivileges, migrate } from '@user-stats/postgres'
import type { TestDatabase, TestPostgres } from '@user-stats/postgres/testing'
import { copyRows, migrateUpTo, query } from '@user-stats/postgres/testing/migrations'
import { usersSchema } from '@user-stats/prisma-users'
import { adminKey, createPerson, startDatabaseServer, startUsers } from './harness.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startDatabaseServer()
})
afterAll(() => server.stop())

/** The last version in which an erasure was only a command. */
const before = '20261123010000_store_retention'
const masterKey = randomBytes(32).toString('hex')
const [erased, erasing] = [randomUUID(), randomUUID()]
const ann = createPerson({ email: 'Ann@example.org' })

/** Columns with secrets and sealed data of which the planner has kept samples. */
const sampled = (url: string) =>
  query(
    url,
    `SELECT tablename, attname FROM pg_stats WHERE schemaname = 'public'
       AND attname IN ('sealed', 'email_index', 'username_index', 'hash', 'private_key', 'key')`,
  )

/** Stores, keys and users, created by the current service on a current database. */
async function populate(database: TestDatabase) {
  await using service = await startUsers(server, { database, masterKey })
  const shop = await service.store('Shoes')
  const leaving = await service.store('Hats')
  const { user } = await service.mutate(shop.token, 'createUser', ann, 'user { id }')
  await service.mutate(leaving.token, 'createUser', createPerson(), 'user { id }')
  return { shop, leaving, annId: user.id as string }
}

/** The same in a database of the old version, with erasures completed, pending and interrupted. */
async function makeOld(from: TestDatabase, { shop, leaving }: Awaited<ReturnType<typeof populate>>) {
  const database = await server.createDatabase()
  const { ownerUrl } = database
  await migrateUpTo({ url: ownerUrl, ...usersSchema }, before)
  await copyRows(from.ownerUrl, ownerUrl, [
    'stores',
    'api_keys',
    'signing_keys',
    'wrapped_keys',
    'users',
    'user_keys',
  ])
  await query(ownerUrl, `SELECT setval('stores_store_id_seq', 900)`)
  await query(ownerUrl, `UPDATE stores SET state = 'DELETING' WHERE store_id = $1`, [leaving.id])
  await query(ownerUrl, 'UPDATE api_keys SET revoked_at = now() WHERE store_id = $1', [leaving.id])
  const command = (storeId: number, kind: string, payload: object, result?: object) =>
    query(
      ownerUrl,
      `INSERT INTO outbox (store_id, kind, payload, created_at, delivered_at, result)
       VALUES ($1, $2::command_kind, $3, '2026-01-02Z', CASE WHEN $5 THEN '2026-01-03Z'::timestamptz END, $4)`,
      [storeId, kind, payload, result ?? null, result !== undefined && 'eventsDeleted' in result],
    )
  await command(shop.id, 'STORE_ACCESS', { state: 'ACTIVE' }, { eventsDeleted: 0 })
  await command(shop.id, 'ERASE_USER', { userId: erased }, { eventsDeleted: 7 })
  await command(shop.id, 'ERASE_USER', { userId: erasing })
  await command(900, 'DELETE_STORE', {}, { usersDeleted: 3, eventsDeleted: 9 })
  await command(leaving.id, 'STORE_ACCESS', { state: 'DELETED' })
  // One of its users had been deleted before the interruption.
  await command(leaving.id, 'DELETE_STORE', {}, { usersDeleted: 1 })
  // With the planner's statistics of that version: samples of everything.
  await query(ownerUrl, 'ANALYZE')
  expect((await sampled(ownerUrl)).length).toBeGreaterThan(5)
  return database
}

test('a database of a version without erasure records is upgraded: nothing is lost, and pending erasures are executed', async () => {
  const today = await server.createDatabase(usersSchema)
  const made = await populate(today)
  const { shop, leaving, annId } = made
  const database = await makeOld(today, made)
  const { ownerUrl } = database
  await migrate({ url: ownerUrl, ...usersSchema })
  await grantServicePrivileges({ ownerUrl, role: new URL(database.url).username })

  expect(
    await query(
      ownerUrl,
      `SELECT store_id AS store, subject::text, subject_id AS who, state::text, users_deleted AS users,
              events_deleted::int AS events, finished_at IS NOT NULL AS finished, reported_at IS NOT NULL AS reported
       FROM erasures ORDER BY command_id`,
    ),
  ).toEqual([
    {
      store: shop.id,
      subject: 'USER',
      who: erased,
      state: 'DONE',
      users: 1,
      events: 7,
      finished: true,
      reported: true,
    },
    {
      store: shop.id,
      subject: 'USER',
      who: erasing,
      state: 'PENDING',
      users: 1,
      events: 0,
      finished: false,
      reported: false,
    },
    {
      store: 900,
      subject: 'STORE',
      who: '',
      state: 'DONE',
      users: 3,
      events: 9,
      finished: true,
      reported: true,
    },
    {
      store: leaving.id,
      subject: 'STORE',
      who: '',
      state: 'PENDING',
      users: 1,
      events: 0,
      finished: false,
      reported: false,
    },
  ])
  // The samples are deleted, although nothing has been analysed since.
  expect(await sampled(ownerUrl)).toEqual([])

  await using service = await startUsers(server, {
    database,
    masterKey,
    onEvents: (events) => {
      events.setDeletes(5)
      return Promise.resolve()
    },
  })
  const { admin } = service
  // Pending results are returned with earlier counts; a result already returned is not returned again.
  const counts = 'usersDeleted eventsDeleted erasure { state receipt }'
  expect(await service.mutate(admin, 'deleteStore', { id: leaving.id }, counts)).toEqual({
    usersDeleted: 2,
    eventsDeleted: 5,
    erasure: { state: 'DONE', receipt: expect.stringMatching(/^ey/) },
  })
  expect(
    await service.mutate(shop.token, 'eraseUser', { id: erasing }, 'eventsDeleted erasure { state receipt }'),
  ).toEqual({ eventsDeleted: 5, erasure: { state: 'DONE', receipt: expect.stringMatching(/^ey/) } })
  expect(await service.mutate(shop.token, 'eraseUser', { id: erased }, 'eventsDeleted')).toBe(
    'USER_NOT_FOUND',
  )
  expect(await service.mutate(admin, 'deleteStore', { id: 900 }, counts)).toBe('STORE_NOT_FOUND')
  expect(
    service.events.received
      .filter(({ field }) => field !== 'applyStoreAccess')
      .map(({ field, input }) => [field, input['storeId'], input['userId'], input['events']])
      .sort(),
  ).toEqual([
    ['applyStoreDeletion', leaving.id, undefined, undefined],
    ['applyUserErasure', shop.id, erasing, 'ERASE'],
  ])

  // Tokens, keys and users of the old version are unchanged, and new ones can be added.
  const find = `{ userByEmail(email: "ann@example.org") { id lastName phone } }`
  expect((await service.graphql(shop.token, find)).body.data.userByEmail).toEqual({
    id: annId,
    lastName: ann.lastName,
    phone: ann.phone,
  })
  const token = await service.tokenFor(shop.key)
  expect(await service.mutate(token, 'createUser', ann, 'user { id }')).toBe('EMAIL_TAKEN')
  expect(await service.mutate(token, 'createUser', createPerson(), 'user { id }')).toEqual({
    user: { id: expect.any(String) },
  })
  expect((await service.store('New')).id).toBeGreaterThan(900)
  expect(await service.tokenFor(adminKey)).toEqual(expect.any(String))
})
