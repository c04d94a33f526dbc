import type { PoolClient } from 'pg'

/** What one step has removed of a store. */
export interface Removed {
  /** False when nothing of the store is left. */
  readonly more: boolean
  /** Rows that went, by table. */
  readonly rows: Readonly<Record<string, number>>
}

const ofDay = 'store_id = $1 AND day = $2::date'

/** What a day has, by the keys its rows are walked by. */
const dayTables = [
  {
    name: 'events',
    where: `store_id = $1 AND occurred_at >= $2::date::timestamp AT TIME ZONE 'UTC'
            AND occurred_at < ($2::date + 1)::timestamp AT TIME ZONE 'UTC'`,
    key: 'occurred_at, id',
  },
  { name: 'user_type_days', where: ofDay, key: 'type, user_id' },
  { name: 'user_days', where: ofDay, key: 'user_id' },
] as const

/** What a store has besides. Its access stays: it refuses what comes late. */
const storeTables = [
  { name: 'idempotency_keys', where: 'store_id = $1', key: 'key' },
  { name: 'erased_users', where: 'store_id = $1', key: 'user_id' },
] as const

interface Chunk {
  readonly name: string
  readonly where: string
  readonly key: string
}

async function removeChunk(
  client: PoolClient,
  { name, where, key }: Chunk,
  values: readonly unknown[],
  limit: number,
): Promise<{ more: boolean; count: number }> {
  const rows = `FROM ${name} WHERE ${where}`
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

async function removeChunks(
  client: PoolClient,
  tables: readonly Chunk[],
  values: readonly unknown[],
  limit: number,
): Promise<Removed> {
  const counts: Record<string, number> = {}
  let more = false
  for (const table of tables) {
    const chunk = await removeChunk(client, table, values, limit)
    counts[table.name] = chunk.count
    more ||= chunk.more
  }
  return { more, rows: counts }
}

async function removeAll(
  client: PoolClient,
  tables: readonly string[],
  where: string,
  values: readonly unknown[],
): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const table of tables) {
    const { rowCount } = await client.query(`DELETE FROM ${table} WHERE ${where}`, [...values])
    counts[table] = rowCount ?? 0
  }
  return counts
}

/**
 * Removes some of what a deleted store has, oldest day first, in the caller's transaction: up to a number of rows of
 * each table. A day's totals go with the last of its rows.
 */
export async function removeSomeOfStore(
  client: PoolClient,
  storeId: number,
  limit: number,
): Promise<Removed> {
  const { rows: days } = await client.query<{ day: string | null }>(
    'SELECT min(day)::text AS day FROM day_totals WHERE store_id = $1',
    [storeId],
  )
  const day = days[0]?.day ?? null
  if (day !== null) {
    const { more, rows } = await removeChunks(client, dayTables, [storeId, day], limit)
    const totals = more
      ? {}
      : await removeAll(client, ['type_day_totals', 'day_totals'], ofDay, [storeId, day])
    return { more: true, rows: { ...rows, ...totals } }
  }
  const { more, rows } = await removeChunks(client, storeTables, [storeId], limit)
  const rest = more ? {} : await removeAll(client, ['store_settings'], 'store_id = $1', [storeId])
  return { more, rows: { ...rows, ...rest } }
}
