import type { Queryable } from '../databases/queryable.ts'
import type { Tombstones, Row } from './file.ts'
import { installationOf } from './installation.ts'

async function rowsOf(db: Queryable, table: string, condition = 'true', columns = '*'): Promise<Row[]> {
  // A backup of an older version may lack the table.
  const { rows: there } = await db.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [
    table,
  ])
  if (there[0]?.there !== true) return []
  const { rows } = await db.query<{ row: Row }>(
    `SELECT to_jsonb(t) AS row FROM (SELECT ${columns} FROM ${table} WHERE ${condition}) t`,
  )
  return rows.map(({ row }) => row)
}

async function lastStoreId(users: Queryable): Promise<number> {
  const { rows: there } = await users.query<{ there: boolean }>(
    `SELECT to_regclass('stores_store_id_seq') IS NOT NULL AS there`,
  )
  if (there[0]?.there !== true) return 0
  const { rows } = await users.query<{ id: string }>(
    'SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS id FROM stores_store_id_seq',
  )
  return Number(rows[0]?.id)
}

/** Reads from both databases what must stay erased, revoked or blocked. */
export async function exportTombstones(
  users: Queryable,
  events: Queryable,
  { exportedAt }: Pick<Tombstones, 'exportedAt'>,
): Promise<Tombstones> {
  const receiptKeys = await rowsOf(users, 'receipt_keys')
  return {
    exportedAt,
    installation: installationOf(receiptKeys) ?? '',
    erasures: await rowsOf(users, 'erasures'),
    receiptKeys,
    erasedUsers: await rowsOf(events, 'erased_users'),
    deletedStores: await rowsOf(events, 'store_access', `state = 'DELETED'`),
    lastStoreId: await lastStoreId(users),
    // Without names and hashes of keys.
    endedKeys: await rowsOf(
      users,
      'api_keys',
      'revoked_at IS NOT NULL OR expires_at IS NOT NULL',
      'id, store_id, revoked_at, expires_at',
    ),
    revokedKeys: await rowsOf(events, 'revoked_keys'),
    blockedStores: await rowsOf(users, 'stores', `state = 'BLOCKED'`, 'store_id'),
  }
}
