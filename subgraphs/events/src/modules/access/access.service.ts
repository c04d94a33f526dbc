import type { Pool } from 'pg'
import type { PrismaDb } from '@user-stats/prisma-events'
import { DomainError, storeOf, type Caller } from '@user-stats/core'

/** The store that a key is recorded under: 0 for keys of no store. */
export const keyStoreOf = (caller: Caller): number => storeOf(caller) ?? 0

export type Access = ReturnType<typeof createAccess>

export interface StoreState {
  readonly storeId: number
  readonly state: 'ACTIVE' | 'BLOCKED' | 'DELETED'
  readonly commandId: number
}

/** Sets a store's access, with its exclusive lock; an older command that arrives late has no effect. */
export async function setStoreAccess(
  prisma: PrismaDb,
  { storeId, state, commandId }: StoreState,
): Promise<void> {
  const { count } = await prisma.storeAccess.updateMany({
    where: { storeId, commandId: { lt: commandId }, state: { not: 'DELETED' } },
    data: { state, commandId },
  })
  if (count === 0)
    await prisma.storeAccess.createMany({ data: { storeId, state, commandId }, skipDuplicates: true })
}

export interface Revocation {
  /** 0 for keys that belong to no store. */
  readonly storeId: number
  readonly keyId: string
  readonly revokedAt: Date
  /** When the key's tokens are rejected; null: at once. */
  readonly effectiveAt: Date | null
}

/** Revokes a key; the earliest revocation applies. @returns whether anything changed */
export async function revokeKey(prisma: PrismaDb, revocation: Revocation): Promise<boolean> {
  const { storeId, keyId, effectiveAt } = revocation
  const later = effectiveAt === null ? { not: null } : { gt: effectiveAt }
  const updated = await prisma.revokedKey.updateMany({
    where: { storeId, keyId, effectiveAt: later },
    data: { effectiveAt },
  })
  if (updated.count > 0) return true
  const created = await prisma.revokedKey.createMany({ data: revocation, skipDuplicates: true })
  return created.count > 0
}

/** Access as recorded in this database: blocked and deleted stores, revoked keys. */
export function createAccess({ pool, clock }: { readonly pool: Pool; readonly clock: () => Date }) {
  return {
    /**
     * Checks that a caller's key and store are active now, whatever its token says.
     *
     * @param storeId the store to be read, if one is named
     * @throws KEY_REVOKED, STORE_BLOCKED, STORE_NOT_FOUND; UNAUTHENTICATED for anonymous callers
     */
    async assertActive(caller: Caller, storeId: number | null): Promise<void> {
      if (caller.role === 'ANONYMOUS') throw new DomainError('UNAUTHENTICATED')
      if (caller.role === 'SERVICE') return
      const own = storeOf(caller)
      // A prepared statement takes 0.1 ms, Prisma's client 1.4 ms; every request waits for this.
      const { rows } = await pool.query<{ own: string | null; named: string | null; revoked: boolean }>({
        name: 'assert_active',
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
      // A caller's own store may not be recorded here yet; any other store must be.
      if (storeId !== null && storeId !== own && (found?.named ?? 'DELETED') === 'DELETED')
        throw new DomainError('STORE_NOT_FOUND')
    },
  }
}
