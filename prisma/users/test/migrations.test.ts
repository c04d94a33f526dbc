import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { schemaDrift } from '@user-stats/postgres'
import { sharedTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import {
  blockingIndexes,
  changesOfSchema,
  migrateThreeAtOnce,
  query,
  tablesNotLedByStore,
} from '@user-stats/postgres/testing/migrations'
import { usersSchema } from '../src/index.ts'

let server: TestPostgres
/** A migrated database, as the role that serves. */
let served: string
beforeAll(async () => {
  server = await sharedTestPostgres()
  served = (await server.createDatabase(usersSchema)).url
})
afterAll(() => server.stop())

test('the migrations build what the Prisma schema describes', async () => {
  expect(await schemaDrift({ url: server.superuserUrl, ...usersSchema })).toBe('')
})

test('migrating three times at once applies each migration once, and again nothing', async () => {
  const { ownerUrl } = await server.createDatabase()
  const { applied, again, status } = await migrateThreeAtOnce({ url: ownerUrl, ...usersSchema })
  expect(applied.length).toBeGreaterThan(0)
  expect(new Set(applied).size).toBe(applied.length)
  expect(again).toEqual({ applied: [] })
  expect(status).toEqual({ applied, pending: [], failed: [], unknown: [], edited: [] })
})

test('no index of a table in use is built while its writers wait', async () => {
  expect(await blockingIndexes(usersSchema.migrationsDir)).toEqual([])
})

test('keys and constraints lead with the store', async () => {
  // Of the installation, not of a store.
  expect(await tablesNotLedByStore(served)).toEqual([
    'api_keys',
    'receipt_keys',
    'signing_keys',
    'wrapped_keys',
  ])
})

test('the planner keeps no sample of keys, of sealed data or of what leads to a person', async () => {
  const { ownerUrl } = await server.createDatabase(usersSchema)
  await query(
    ownerUrl,
    `WITH u AS (
       INSERT INTO users (store_id, id, email_index, username_index, sealed)
       SELECT 1, gen_random_uuid(), sha256(n::text::bytea), sha256(n::text::bytea), sha256('same') FROM generate_series(1, 2000) n
       RETURNING store_id, id
     )
     INSERT INTO user_keys (store_id, user_id, key, master_key_id) SELECT store_id, id, sha256('same'), 'm' FROM u`,
  )
  const bytes = await bytesOf(ownerUrl)
  expect(bytes.length).toBeGreaterThan(7)
  for (const table of new Set(bytes.map((column) => column.table))) await query(ownerUrl, `ANALYZE ${table}`)
  const sampled = await query<{ table: string; column: string }>(
    ownerUrl,
    'SELECT tablename AS "table", attname AS "column" FROM pg_stats WHERE schemaname = \'public\'',
  )
  // It does keep those of other columns.
  expect(sampled).toContainEqual({ table: 'users', column: 'created_at' })
  for (const column of bytes) expect(sampled).not.toContainEqual(column)
})

/** Whatever is kept as bytes: all of it is wrapped, sealed or hashed. */
const bytesOf = (url: string) =>
  query<{ table: string; column: string }>(
    url,
    `SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
     WHERE table_schema = 'public' AND data_type = 'bytea'`,
  )

test.each(changesOfSchema('users'))('the serving role may not: %s', async (statement) => {
  await expect(query(served, statement)).rejects.toThrow(/permission denied|must be owner/)
})
