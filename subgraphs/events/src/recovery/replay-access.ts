import type { Pool } from 'pg'
import { eventsDbOver } from '@user-stats/prisma-events'
import { createAudit } from '../modules/audit/audit.service.ts'
import { createCommands } from '../modules/command/command.service.ts'
import { createErasures } from '../modules/deletion/erasure.service.ts'
import { createAccess, revokeKey } from '../modules/access/access.service.ts'

/** An exported row of `revoked_keys`. */
export interface RevokedKey {
  /** 0 for keys of no store. */
  readonly store_id: number
  readonly key_id: string
  readonly revoked_at: string
  /** From when on; null, or absent in exports of older versions: at once. */
  readonly effective_at?: string | null
}

/** Repeats revocations in a restored database. Run by the owner; idempotent. */
export function createAccessReplay({ pool, clock }: { readonly pool: Pool; readonly clock: () => Date }) {
  const db = eventsDbOver(pool)
  const audit = createAudit({ prisma: db.prisma, access: createAccess({ pool, clock }), clock })
  const commands = createCommands({ db, audit, clock, erasures: createErasures({ db, clock }) })
  return {
    /** The highest store id in this database. */
    async lastStore(): Promise<number> {
      const { _max: last } = await db.prisma.storeAccess.aggregate({ _max: { storeId: true } })
      return last.storeId ?? 0
    },

    /** Also keys unknown here: tokens name their key. @returns the number of newly revoked keys */
    async revokeKeys(rows: readonly RevokedKey[]): Promise<number> {
      const changed = new Set<string>()
      for (const { store_id: storeId, key_id: keyId, revoked_at, effective_at } of rows) {
        const revokedAt = new Date(revoked_at)
        const effectiveAt = effective_at == null ? null : new Date(effective_at)
        if (await revokeKey(db.prisma, { storeId, keyId, revokedAt, effectiveAt }))
          changed.add(`${String(storeId)} ${keyId}`)
      }
      return changed.size
    },

    async blockStore(command: { readonly storeId: number; readonly commandId: number }): Promise<void> {
      await commands.applyStoreAccess({ role: 'SERVICE', service: 'users' }, { ...command, state: 'BLOCKED' })
    },
  }
}
