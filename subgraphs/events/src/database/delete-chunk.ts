import type { PoolClient } from 'pg'

/** Rows of a table, and the key by which they are traversed. */
export interface Rows {
  readonly name: string
  /** A condition, with parameters from `$1` on. */
  readonly where: string
  /** Columns, separated by commas. */
  readonly key: string
}

/**
 * Deletes the first rows by their key, up to a number.
 *
 * @returns the number of deleted rows, and whether more remain
 */
export async function deleteChunk(
  client: PoolClient,
  { name, where, key }: Rows,
  values: readonly unknown[],
  limit: number,
): Promise<{ more: boolean; count: number }> {
  const rows = `FROM ${name} WHERE ${where}`
  // A range of the key rather than a list of keys: the planner always uses the index for it.
  const { rows: ends } = await client.query<unknown[]>({
    text: `SELECT ${key} ${rows} ORDER BY ${key} OFFSET ${String(limit)} LIMIT 1`,
    values: [...values],
    rowMode: 'array',
  })
  const end = ends[0] ?? []
  const before = end.map((_value, at) => `$${String(values.length + at + 1)}`).join(', ')
  const { rowCount } = await client.query(
    `DELETE ${rows} ${end.length === 0 ? '' : `AND (${key}) < (${before})`}`,
    [...values, ...end],
  )
  return { more: end.length > 0, count: rowCount ?? 0 }
}
