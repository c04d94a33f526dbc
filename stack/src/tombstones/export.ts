import type { UsersDatabase } from '@user-stats/prisma-users'
import type { Tombstones, Row } from './file.ts'

/** What of a database's pool is needed here. */
export type Queryable = Pick<UsersDatabase['pool'], 'query'>

async function rowsOf(db: Queryable, table: string, condition = 'true'): Promise<Row[]> {
  // A backup may be of a version that did not have the table.
  const { rows: there } = await db.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
    table,
  ])
  if (there[0]?.there !== true) return []
  const { rows } = await db.query<{ row: Row }>(
    `SELECT to_jsonb(t) AS row FROM ${table} t WHERE ${condition}`,
  )
  return rows.map(({ row }) => row)
}

/** Reads from both databases what must stay erased. */
export async function exportTombstones(
  users: Queryable,
  events: Queryable,
  { exportedAt, installation }: Pick<Tombstones, 'exportedAt' | 'installation'>,
): Promise<Tombstones> {
  return {
    exportedAt,
    installation,
    erasures: await rowsOf(users, 'erasures'),
    receiptKeys: await rowsOf(users, 'receipt_keys'),
    erasedUsers: await rowsOf(events, 'erased_users'),
    deletedStores: await rowsOf(events, 'store_access', `state = 'DELETED'`),
  }
}
