import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { migrate, migrationStatus, schemaDrift } from '@user-stats/postgres'
import { startTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { usersSchema } from '../src/index.ts'

let server: TestPostgres
/** A migrated database, as the role that serves. */
let served: string
beforeAll(async () => {
  server = await startTestPostgres()
  served = (await server.createDatabase(usersSchema)).url
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
  expect(await schemaDrift({ url: server.superuserUrl, ...usersSchema })).toBe('')
})

test('migrating three times at once applies each migration once, and again nothing', async () => {
  const source = { url: (await server.createDatabase()).ownerUrl, ...usersSchema }
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
  // Of the installation, not of a store.
  expect(tables.map(({ name }) => name)).toEqual(['api_keys', 'receipt_keys', 'signing_keys', 'wrapped_keys'])
})

test.each([
  'CREATE TABLE mine (id int)',
  'CREATE SCHEMA mine',
  "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
  'CREATE TEMPORARY TABLE mine (id int)',
  'ALTER TABLE users ADD COLUMN mine int',
  'ALTER TABLE users DISABLE TRIGGER ALL',
  'DROP TABLE users CASCADE',
  'TRUNCATE users',
  'CREATE INDEX ON users (store_id)',
  'DELETE FROM _prisma_migrations',
  'SET ROLE postgres',
  'CREATE ROLE mine',
])('the serving role may not: %s', async (statement) => {
  await expect(query(served, statement)).rejects.toThrow(/permission denied|must be owner/)
})
