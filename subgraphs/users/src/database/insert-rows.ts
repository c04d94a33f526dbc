import type { UsersDatabase } from '@user-stats/prisma-users'

/**
 * Inserts rows exported by `to_jsonb`, also of an earlier or later version: columns unknown to either side
 * are ignored. Existing rows are not changed.
 *
 * @param condition on `r`, to select rows
 * @returns the number of inserted rows
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
