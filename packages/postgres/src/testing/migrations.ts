import { readdir } from 'node:fs/promises'
import { connect } from '../client/connect.ts'
import { migrate, type MigrationSource } from '../migrations/migrate.ts'

/** The rows of one statement, on a connection of its own. */
export async function query<Row extends object>(
  url: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  await using client = await connect(url)
  return (await client.query<Row>(sql, [...values])).rows
}

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
