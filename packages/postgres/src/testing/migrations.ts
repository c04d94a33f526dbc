import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { connect } from '../client/connect.ts'
import { migrate, migrationStatus, type MigrationSource } from '../migrations/migrate.ts'

// Shared by the migration tests of both databases.

/** The rows of one statement, on a connection of its own. */
export async function query<Row extends object>(
  url: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  await using client = await connect(url)
  return (await client.query<Row>(sql, [...values])).rows
}

/**
 * Runs migrations three times concurrently on an empty database, and once more.
 *
 * @returns the migrations each applied, and the resulting status
 */
export async function migrateThreeAtOnce(source: MigrationSource) {
  const runs = await Promise.all([migrate(source), migrate(source), migrate(source)])
  const applied = runs.flatMap((run) => run.applied)
  return { applied, again: await migrate(source), status: await migrationStatus(source) }
}

/** Tables with a key or unique constraint that does not begin with the store. */
export async function tablesNotLedByStore(url: string): Promise<string[]> {
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
export async function blockingIndexes(migrationsDir: string): Promise<string[]> {
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

/** Statements that a serving role must not be able to execute on a table it uses. */
export const changesOfSchema = (table: string): string[] => [
  'CREATE TABLE mine (id int)',
  'CREATE SCHEMA mine',
  "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
  'CREATE TEMPORARY TABLE mine (id int)',
  `ALTER TABLE ${table} ADD COLUMN mine int`,
  `ALTER TABLE ${table} DISABLE TRIGGER ALL`,
  `DROP TABLE ${table} CASCADE`,
  `TRUNCATE ${table}`,
  `CREATE INDEX ON ${table} (store_id)`,
  'DELETE FROM _prisma_migrations',
  'SET ROLE postgres',
  'CREATE ROLE mine',
]

/** Migrates as a version that knows no migration after this one. */
export async function migrateUpTo(source: MigrationSource, last: string): Promise<void> {
  const names = await readdir(source.migrationsDir)
  await migrate(source, { only: names.filter((name) => name <= last) })
}

/** Copies rows into tables of an earlier schema; columns unknown there are left out. */
export async function copyRows(from: string, to: string, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    const [found] = await query<{ rows: unknown }>(
      from,
      `SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]') AS rows FROM ${table} t`,
    )
    const columns = await query<{ name: string }>(
      to,
      `SELECT quote_ident(column_name) AS name FROM information_schema.columns
       WHERE table_schema = 'public' AND table_name = $1`,
      [table],
    )
    const names = columns.map(({ name }) => name).join(', ')
    await query(
      to,
      `INSERT INTO ${table} (${names}) SELECT ${names} FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb)`,
      [JSON.stringify(found?.rows)],
    )
  }
}
