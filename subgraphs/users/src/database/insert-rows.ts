import type { UsersDatabase } from '@user-stats/prisma-users'

/**
 * Writes rows as `to_jsonb` gave them, by an earlier or later version too: columns that either side does not know are
 * left out. Rows that are there stay as they are.
 *
 * @param condition on `r`, which rows are wanted
 * @returns how many were written
 */
export async function insertRows(
  db: Pick<UsersDatabase['pool'], 'query'>,
  table: string,
  rows: readonly object[],
  condition = 'true',
): Promise<number> {
  const [first] = rows
  if (!first) return 0
  const { rows: columns } = await db.query<{ name: string }>(
    `SELECT quote_ident(column_name) AS name FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name = $1 AND column_name = ANY ($2)`,
    [table, Object.keys(first)],
  )
  const names = columns.map(({ name }) => name).join(', ')
  const { rowCount } = await db.query(
    `INSERT INTO ${table} (${names}) SELECT ${names} FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb) r
     WHERE ${condition} ON CONFLICT DO NOTHING`,
    [JSON.stringify(rows)],
  )
  return rowCount ?? 0
}
