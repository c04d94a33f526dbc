import type { Queryable } from '../databases/queryable.ts'

// An installation is identified by its first receipt key: created at the first start, never replaced, never
// secret, and part of every backup and file of tombstones. So none is mistaken for another, whatever servers
// its databases are on.

/** @returns undefined when no users service has ever started on this database */
export async function readInstallation(users: Queryable): Promise<string | undefined> {
  const { rows: there } = await users.query<{ there: boolean }>(
    `SELECT to_regclass('receipt_keys') IS NOT NULL AS there`,
  )
  if (there[0]?.there !== true) return undefined
  const { rows } = await users.query<{ kid: string }>(
    'SELECT kid FROM receipt_keys ORDER BY created_at, kid LIMIT 1',
  )
  return rows[0]?.kid
}

/** The same from rows of `receipt_keys`. */
export function installationOf(
  receiptKeys: readonly Readonly<Record<string, unknown>>[],
): string | undefined {
  const made = (row: Readonly<Record<string, unknown>>) => Date.parse(String(row['created_at']))
  const [first] = [...receiptKeys].sort(
    (a, b) => made(a) - made(b) || String(a['kid']).localeCompare(String(b['kid'])),
  )
  return first && String(first['kid'])
}
