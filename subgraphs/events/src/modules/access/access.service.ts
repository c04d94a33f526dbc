import type { Pool } from 'pg'
import { DomainError, storeOf, type Caller } from '@user-stats/core'

/**
 * PostgreSQL advisory locks on a store: writers share them, whoever changes what may be written holds them alone.
 * A writer takes its lock in a statement of its own, before the one that reads tombstones and access, so that what
 * it reads cannot be older than what it waited for. Store 0 stands for all: every writer shares it, and whoever
 * revokes a key of no store or drops whole months (`drop_months`) holds it alone.
 */
const lockClass = 7_301
export const shareStores = (storeIds: readonly number[]): string =>
  // Sorted, so that two writers cannot wait for each other.
  [...new Set([0, ...storeIds])]
    .sort((a, b) => a - b)
    .map((id) => `SELECT pg_advisory_xact_lock_shared(${String(lockClass)}, ${String(id)})`)
    .join(';')

/** Statements that fail with a lock timeout when they wait longer than some milliseconds. */
const soon = (milliseconds: number, statements: string): string =>
  `SET LOCAL lock_timeout = ${String(milliseconds)}; ${statements}; SET LOCAL lock_timeout TO DEFAULT`

/** The same for a batch: events of other stores wait with it. */
export const shareStoresSoon = (storeIds: readonly number[]): string => soon(10, shareStores(storeIds))
/** To be alone with a store; its writers wait behind whoever waits for this. */
export const lockStoreSoon = (storeId: number): string =>
  soon(100, `SELECT pg_advisory_xact_lock(${String(lockClass)}, ${String(storeId)})`)

/** Those of some stores whose lock somebody holds alone, or waits for. */
export async function findLockedStores(pool: Pool, storeIds: readonly number[]): Promise<number[]> {
  const { rows } = await pool.query<{ id: number }>(
    `SELECT id FROM unnest($1::int[]) AS s(id)
     WHERE NOT pg_try_advisory_xact_lock_shared(${String(lockClass)}, id)`,
    [[...new Set(storeIds)]],
  )
  return rows.map(({ id }) => id)
}

/** Of two revocations of a key the earlier one holds. For an INSERT INTO revoked_keys AS r. */
export const earlierRevocation = `
  ON CONFLICT (store_id, key_id) DO UPDATE SET effective_at = EXCLUDED.effective_at
  WHERE r.effective_at IS NOT NULL
    AND (EXCLUDED.effective_at IS NULL OR EXCLUDED.effective_at < r.effective_at)`

/** The store a key is filed under: 0 for keys that belong to none. */
export const keyStoreOf = (caller: Caller): number => storeOf(caller) ?? 0

export type Access = ReturnType<typeof createAccess>

/** What this database knows of who may work: blocked and deleted stores, revoked keys. */
export function createAccess({ pool, clock }: { readonly pool: Pool; readonly clock: () => Date }) {
  return {
    /**
     * Lets a caller's read through if its key and store are good now, whatever its token says.
     *
     * @param storeId the store that is read, if one is named
     * @throws KEY_REVOKED, STORE_BLOCKED, STORE_NOT_FOUND; UNAUTHENTICATED for nobody
     */
    async admit(caller: Caller, storeId: number | null): Promise<void> {
      if (caller.role === 'ANONYMOUS') throw new DomainError('UNAUTHENTICATED')
      if (caller.role === 'SERVICE') return
      const own = storeOf(caller)
      const { rows } = await pool.query<{ own: string | null; named: string | null; revoked: boolean }>({
        name: 'admit',
        text: `SELECT (SELECT state FROM store_access WHERE store_id = $1) AS own,
                      (SELECT state FROM store_access WHERE store_id = $2) AS named,
                      EXISTS (SELECT FROM revoked_keys WHERE store_id = $3 AND key_id = $4
                              AND (effective_at IS NULL OR effective_at <= $5)) AS revoked`,
        values: [own ?? 0, storeId ?? 0, keyStoreOf(caller), caller.keyId, clock()],
      })
      const [found] = rows
      if (found?.revoked === true) throw new DomainError('KEY_REVOKED')
      if (found?.own === 'BLOCKED') throw new DomainError('STORE_BLOCKED')
      if (found?.own === 'DELETED') throw new DomainError('KEY_REVOKED')
      // A caller's own store need not have arrived here yet; a store somebody else names must have.
      if (storeId !== null && storeId !== own && (found?.named ?? 'DELETED') === 'DELETED')
        throw new DomainError('STORE_NOT_FOUND')
    },
  }
}
