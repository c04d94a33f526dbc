import type { Pool } from 'pg'
import { validate as isUuid } from 'uuid'
import type { StoreState } from '@user-stats/prisma-users'
import { DomainError, type Caller } from '@user-stats/core'
import type { Db } from '../../database/transaction.ts'

interface KeyState {
  readonly revokedAt: Date | null
  readonly expiresAt: Date | null
}

/** The caller of a request, checked against this database at most once. */
export interface Session {
  readonly caller: Caller
  readonly requestId: string
  /**
   * The caller, after checking that key and store are active now, whatever the token says.
   *
   * @throws KEY_REVOKED, STORE_BLOCKED
   */
  readonly activeCaller: () => Promise<Caller>
}

// Every operation begins with it: prepared once per connection.
const activeKeyText = `
  SELECT k.revoked_at AS "revokedAt", k.expires_at AS "expiresAt", k.store_id AS "storeId", s.state
  FROM api_keys k LEFT JOIN stores s ON s.store_id = k.store_id
  WHERE k.id = $1::uuid`

export type Access = ReturnType<typeof createAccess>

/** Access tokens outlive revocations and blocks: those made since the token was issued are checked here. */
export function createAccess({ pool, clock }: { readonly pool: Pool; readonly clock: () => Date }) {
  const requireUsable = (key: KeyState | undefined): void => {
    if (key?.revokedAt !== null || (key.expiresAt !== null && key.expiresAt <= clock()))
      throw new DomainError('KEY_REVOKED')
  }

  async function assertKeyActive(caller: Caller): Promise<Caller> {
    if (caller.role === 'ANONYMOUS' || caller.role === 'SERVICE') return caller
    if (!isUuid(caller.keyId)) throw new DomainError('KEY_REVOKED')
    const { rows } = await pool.query<KeyState & { storeId: number | null; state: StoreState | null }>({
      name: 'active-key',
      text: activeKeyText,
      values: [caller.keyId],
    })
    const [key] = rows
    requireUsable(key)
    if (key?.storeId != null && key.state !== 'ACTIVE') throw new DomainError('STORE_BLOCKED')
    return caller
  }

  /** Locks the caller's key against revocation until the transaction ends. */
  async function holdKey(tx: Db, caller: Caller): Promise<void> {
    if (caller.role === 'ANONYMOUS') throw new DomainError('UNAUTHENTICATED')
    if (caller.role === 'SERVICE') throw new DomainError('FORBIDDEN')
    if (!isUuid(caller.keyId)) throw new DomainError('KEY_REVOKED')
    const [key] = await tx.$queryRaw<KeyState[]>`
      SELECT revoked_at AS "revokedAt", expires_at AS "expiresAt" FROM api_keys
      WHERE id = ${caller.keyId}::uuid FOR SHARE`
    requireUsable(key)
  }

  return {
    holdKey,

    session({ caller, requestId }: Pick<Session, 'caller' | 'requestId'>): Session {
      let active: Promise<Caller> | undefined
      return { caller, requestId, activeCaller: () => (active ??= assertKeyActive(caller)) }
    },

    /**
     * Locks a store's state and the caller's key until the transaction ends: blocking the store or revoking
     * the key is answered only after this write has committed.
     *
     * @throws KEY_REVOKED, STORE_BLOCKED, STORE_NOT_FOUND
     */
    async holdStore(tx: Db, caller: Caller, storeId: number): Promise<void> {
      // The store before the key, as everywhere, so that two transactions cannot deadlock.
      const [store] = await tx.$queryRaw<{ state: StoreState }[]>`
        SELECT state FROM stores WHERE store_id = ${storeId} FOR SHARE`
      await holdKey(tx, caller)
      if (store === undefined || store.state === 'DELETING') throw new DomainError('STORE_NOT_FOUND')
      if (store.state === 'BLOCKED' && caller.role !== 'ADMIN') throw new DomainError('STORE_BLOCKED')
    },

    /**
     * Locks a store for a change of its state.
     *
     * @returns undefined when there is none
     */
    async lockStore(tx: Db, caller: Caller, storeId: number): Promise<StoreState | undefined> {
      const [store] = await tx.$queryRaw<{ state: StoreState }[]>`
        SELECT state FROM stores WHERE store_id = ${storeId} FOR UPDATE`
      await holdKey(tx, caller)
      return store?.state
    },
  }
}
