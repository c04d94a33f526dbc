import { open } from 'node:fs/promises'
import type { Queryable } from '../tombstones/export.ts'

const batch = 5_000

/**
 * Writes users' data keys, wrapped as they are, a line of JSON each.
 *
 * @returns how many there are
 */
export async function exportDataKeys(users: Queryable, file: string): Promise<number> {
  const handle = await open(file, 'wx', 0o600)
  let count = 0
  try {
    let after: readonly [number, string] = [-1, '00000000-0000-0000-0000-000000000000']
    for (;;) {
      const { rows } = await users.query<{ store_id: number; user_id: string; row: unknown }>(
        `SELECT store_id, user_id, to_jsonb(k) AS row FROM user_keys k
         WHERE (store_id, user_id) > ($1::int, $2::uuid) ORDER BY store_id, user_id LIMIT ${String(batch)}`,
        [...after],
      )
      await handle.writeFile(rows.map(({ row }) => `${JSON.stringify(row)}\n`).join(''))
      count += rows.length
      const last = rows.at(-1)
      if (!last || rows.length < batch) break
      after = [last.store_id, last.user_id]
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
  return count
}

/** The files that hold data keys: the table, what is kept aside of it, and their indexes. */
export async function filesOfDataKeys(users: Queryable): Promise<string[]> {
  const { rows } = await users.query<{ path: string }>(
    `WITH tables AS (
       SELECT oid FROM pg_class WHERE oid = 'user_keys'::regclass
       UNION ALL SELECT reltoastrelid FROM pg_class WHERE oid = 'user_keys'::regclass AND reltoastrelid <> 0
     )
     SELECT pg_relation_filepath(oid) AS path FROM (
       SELECT oid FROM tables UNION ALL SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM tables)
     ) t`,
  )
  return rows.map(({ path }) => path)
}

/**
 * Takes data keys out of a copy, as superuser: the table's files were left behind already; what remains are samples
 * in the planner's statistics and records in the write-ahead log. The log is gone after this, when the server neither
 * recycles its files (`wal_recycle`) nor found old ones.
 */
export async function scrubDataKeys(users: Queryable): Promise<void> {
  for (const statement of [
    'TRUNCATE user_keys',
    `DELETE FROM pg_statistic WHERE starelid = 'user_keys'::regclass`,
    // Deleted rows stay in a file until it is written anew.
    'VACUUM (FULL) pg_statistic',
    'SELECT pg_switch_wal()',
    'CHECKPOINT',
  ])
    await users.query(statement)
}
