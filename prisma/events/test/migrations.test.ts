import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { connect, migrate } from '@user-stats/postgres'
import { sharedTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { testMigrations } from '@user-stats/postgres/testing/migration-tests'
import { migrateUpTo, query } from '@user-stats/postgres/testing/migrations'
import { eventsSchema } from '../src/index.ts'

let server: TestPostgres
/** A migrated database, as the role that serves. */
let served: string
beforeAll(async () => {
  server = await sharedTestPostgres()
  served = (await server.createDatabase(eventsSchema)).url
})
afterAll(() => server.stop())

testMigrations(eventsSchema, [])

test('the serving role creates the partitions of a month by a function, idempotently', async () => {
  for (let run = 0; run < 2; run += 1) await query(served, "SELECT ensure_month('2031-05-17')")
  const [row] = await query<{ event: string | null; day: string | null }>(
    served,
    "SELECT to_regclass('events_y2031m05') AS event, to_regclass('user_days_y2031m05') AS day",
  )
  expect(row).toEqual({ event: 'events_y2031m05', day: 'user_days_y2031m05' })
})

test('partitions of a month are created during open transactions of readers and writers', async () => {
  await query(served, "SELECT ensure_month('2032-01-01')")
  await using reader = await connect(served)
  await reader.query('BEGIN; SELECT FROM events; SELECT FROM user_days; SELECT FROM user_type_days')
  await using writer = await connect(served)
  await writer.query(`BEGIN; ${insertEvent('2032-01-05')}`)
  await query(served, "SET statement_timeout = '20s'; SELECT ensure_month('2032-02-01')")
  await query(served, insertEvent('2032-02-05'))
  await writer.query('COMMIT')
  const partitions = await query(served, 'SELECT tableoid::regclass::text AS name FROM events ORDER BY 1')
  expect(partitions).toEqual([{ name: 'events_y2032m01' }, { name: 'events_y2032m02' }])
})

test('rows of the former default partition are moved to partitions of their months', async () => {
  const { ownerUrl } = await server.createDatabase()
  await migrateUpTo({ url: ownerUrl, ...eventsSchema }, '20261127999999')
  await query(ownerUrl, "SELECT ensure_month('2026-05-01')")
  await query(ownerUrl, "INSERT INTO retention VALUES (0, '2026-02-01')")
  for (const day of ['2026-01-31', '2026-02-01', '2026-05-01', '2026-06-30']) {
    await query(ownerUrl, insertEvent(day))
    await query(ownerUrl, `INSERT INTO user_days VALUES (1, '${day}', 'ann', 1)`)
    await query(ownerUrl, `INSERT INTO user_type_days VALUES (1, 'view', '${day}', 'ann', 1)`)
  }
  await migrate({ url: ownerUrl, ...eventsSchema })
  for (const table of ['events', 'user_days', 'user_type_days'])
    expect(
      await query(ownerUrl, `SELECT tableoid::regclass::text AS name, user_id FROM ${table} ORDER BY 1`),
    ).toEqual(['02', '05', '06'].map((month) => ({ name: `${table}_y2026m${month}`, user_id: 'ann' })))
  expect(await query(ownerUrl, `SELECT relname FROM pg_class WHERE relname LIKE '%default'`)).toEqual([])
})

const insertEvent = (day: string): string =>
  `INSERT INTO events (store_id, occurred_at, user_id, type, data, created_at)
   VALUES (1, '${day}T12:00:00Z', 'ann', 'view', '{}', now())`
