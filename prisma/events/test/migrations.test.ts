import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { migrate, migrationStatus, schemaDrift } from '@user-stats/postgres'
import { startTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { eventsSchema } from '../src/index.ts'

let server: TestPostgres
/** A migrated database, as the role that serves. */
let served: string
beforeAll(async () => {
  server = await startTestPostgres()
  served = (await server.createDatabase(eventsSchema)).url
})
afterAll(() => server.stop())

async function query<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}

test('the migrations build what the Prisma schema describes', async () => {
  expect(await schemaDrift({ url: server.superuserUrl, ...eventsSchema })).toBe('')
})

test('migrating three times at once applies each migration once, and again nothing', async () => {
  const source = { url: (await server.createDatabase()).ownerUrl, ...eventsSchema }
  const runs = await Promise.all([migrate(source), migrate(source), migrate(source)])
  const applied = runs.flatMap((run) => run.applied)
  expect(applied.length).toBeGreaterThan(0)
  expect(new Set(applied).size).toBe(applied.length)
  expect(await migrate(source)).toEqual({ applied: [] })
  expect(await migrationStatus(source)).toEqual({ applied, pending: [], failed: [], unknown: [], edited: [] })
})

test('keys and constraints lead with the store', async () => {
  const tables = await query<{ name: string }>(
    served,
    `SELECT DISTINCT t.relname AS name
     FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
       JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
     WHERE i.indisunique AND t.relnamespace = 'public'::regnamespace
       AND t.relname <> '_prisma_migrations' AND a.attname <> 'store_id'
     ORDER BY 1`,
  )
  expect(tables.map(({ name }) => name)).toEqual([])
})

test.each([
  'CREATE TABLE mine (id int)',
  'CREATE SCHEMA mine',
  "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
  'CREATE TEMPORARY TABLE mine (id int)',
  'ALTER TABLE events ADD COLUMN mine int',
  'ALTER TABLE events DISABLE TRIGGER ALL',
  'DROP TABLE events CASCADE',
  'TRUNCATE events',
  'CREATE INDEX ON events (store_id)',
  'DELETE FROM _prisma_migrations',
  'SET ROLE postgres',
  'CREATE ROLE mine',
])('the serving role may not: %s', async (statement) => {
  await expect(query(served, statement)).rejects.toThrow(/permission denied|must be owner/)
})

test('the serving role makes the partitions of a month by their function, as often as it likes', async () => {
  for (let run = 0; run < 2; run += 1) await query(served, "SELECT ensure_month('2031-05-17')")
  const [row] = await query<{ event: string | null; day: string | null }>(
    served,
    "SELECT to_regclass('events_y2031m05') AS event, to_regclass('user_days_y2031m05') AS day",
  )
  expect(row).toEqual({ event: 'events_y2031m05', day: 'user_days_y2031m05' })
})
