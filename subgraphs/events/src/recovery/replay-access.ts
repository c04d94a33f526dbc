import type { Pool } from 'pg'
import { createAudit } from '../modules/audit/audit.service.ts'
import { createCommands } from '../modules/command/command.service.ts'
import { createErasures } from '../modules/deletion/erasure.service.ts'
import { createAccess, earlierRevocation } from '../modules/access/access.service.ts'

/** A row of `revoked_keys`, as it was exported. */
export interface RevokedKey {
  /** 0 for keys of no store. */
  readonly store_id: number
  readonly key_id: string
  readonly revoked_at: string
  /** From when on; null, or absent in exports of older versions: at once. */
  readonly effective_at?: string | null
}

/** Refuses again, in a database that was restored, whom it had refused. To be used by the owner; it may be repeated. */
export function createAccessReplay({ pool, clock }: { readonly pool: Pool; readonly clock: () => Date }) {
  const audit = createAudit({ pool, access: createAccess({ pool, clock }), clock })
  const commands = createCommands({ pool, audit, clock, erasures: createErasures({ pool, clock }) })
  return {
    /** The highest id of a store this database knows. */
    async lastStore(): Promise<number> {
      const { rows } = await pool.query<{ id: number | null }>('SELECT max(store_id) AS id FROM store_access')
      return rows[0]?.id ?? 0
    },

    /** Also keys that only later databases knew: a token says which key it was issued for. @returns how many were not known */
    async revokeKeys(rows: readonly RevokedKey[]): Promise<number> {
      const { rowCount } = await pool.query(
        `INSERT INTO revoked_keys AS r (store_id, key_id, revoked_at, effective_at)
         SELECT store_id, key_id, min(revoked_at), nullif(min(coalesce(effective_at, '-infinity')), '-infinity')
         FROM jsonb_to_recordset($1::jsonb)
           AS r (store_id int, key_id uuid, revoked_at timestamptz, effective_at timestamptz)
         GROUP BY store_id, key_id
         ${earlierRevocation}`,
        [JSON.stringify(rows)],
      )
      return rowCount ?? 0
    },

    async blockStore(command: { readonly storeId: number; readonly commandId: number }): Promise<void> {
      await commands.applyStoreAccess({ role: 'SERVICE', service: 'users' }, { ...command, state: 'BLOCKED' })
    },
  }
}
