import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { migrate, migrationStatus, schemaDrift, type MigrationSource } from '../migrations/migrate.ts'
import { query } from './migrations.ts'
import { sharedTestPostgres, type TestPostgres } from './test-postgres.ts'

/**
 * Tests the migrations of a database.
 *
 * @param installationTables tables whose keys do not begin with the store: their rows belong to the
 *   installation
 */
export function testMigrations(
  schema: Omit<MigrationSource, 'url'>,
  installationTables: readonly string[],
): void {
  let server: TestPostgres
  beforeAll(async () => {
    server = await sharedTestPostgres()
  })
  afterAll(() => server.stop())

  test('the migrations build what the Prisma schema describes', async () => {
    expect(await schemaDrift({ url: server.superuserUrl, ...schema })).toBe('')
  })

  test('migrating three times at once applies each migration once, and again nothing', async () => {
    const source = { url: (await server.createDatabase()).ownerUrl, ...schema }
    const runs = await Promise.all([migrate(source), migrate(source), migrate(source)])
    const applied = runs.flatMap((run) => run.applied)
    expect(applied.length).toBeGreaterThan(0)
    expect(new Set(applied).size).toBe(applied.length)
    expect(await migrate(source)).toEqual({ applied: [] })
    expect(await migrationStatus(source)).toEqual({
      applied,
      pending: [],
      failed: [],
      unknown: [],
      edited: [],
    })
  })

  test('no index of a table in use is built while its writers wait', async () => {
    expect(await blockingIndexes(schema.migrationsDir)).toEqual([])
  })

  test('keys and constraints lead with the store', async () => {
    const { url } = await server.createDatabase(schema)
    expect(await tablesNotLedByStore(url)).toEqual(installationTables)
  })
}

/** Tables with a key or unique constraint that does not begin with the store. */
async function tablesNotLedByStore(url: string): Promise<string[]> {
  const tables = await query<{ name: string }>(
    url,
    `SELECT DISTINCT t.relname AS name
     FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
       JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
     WHERE i.indisunique AND t.relnamespace = 'public'::regnamespace
       AND t.relname <> '_prisma_migrations' AND a.attname <> 'store_id'
     ORDER BY 1`,
  )
  return tables.map(({ name }) => name)
}

const indexPattern =
  /CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?!CONCURRENTLY)(?:IF\s+NOT\s+EXISTS\s+)?("?\w+"?)?\s*ON\s+(?!ONLY\b)"?(\w+)"?/gi

/**
 * Indexes that migrations create on tables in use without CONCURRENTLY: writers would be blocked meanwhile.
 * For a partitioned table, create those of the partitions concurrently and attach them to an index created
 * `ON ONLY` it.
 */
async function blockingIndexes(migrationsDir: string): Promise<string[]> {
  const found: string[] = []
  for (const name of await readdir(migrationsDir)) {
    // Earlier ones were applied to empty tables.
    if (name < '20261128' || name.endsWith('.toml')) continue
    const script = await readFile(path.join(migrationsDir, name, 'migration.sql'), 'utf8')
    for (const [text, , table = ''] of script.matchAll(indexPattern))
      if (!new RegExp(`CREATE\\s+TABLE\\s+"?${table}"?`, 'i').test(script)) found.push(`${name}: ${text}`)
  }
  return found
}
