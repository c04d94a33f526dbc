import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { sharedTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { testMigrations } from '@user-stats/postgres/testing/migration-tests'
import { query } from '@user-stats/postgres/testing/migrations'
import { usersSchema } from '../src/index.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await sharedTestPostgres()
})
afterAll(() => server.stop())

testMigrations(usersSchema, ['api_keys', 'receipt_keys', 'signing_keys', 'wrapped_keys'])

test('the planner keeps no sample of keys, sealed data or blind indexes', async () => {
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
  // It does keep samples of other columns.
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
