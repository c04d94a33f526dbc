import { inPoolTransaction, type UsersDatabase } from '@user-stats/prisma-users'
import { recordAudit, statementsOn, type AuditAction, type AuditRecord } from '@user-stats/audit-log'

/** An API key in a tombstone: one that is revoked or has an expiry. */
export interface EndedKey {
  readonly id: string
  /** Null for keys of no store. */
  readonly store_id: number | null
  readonly revoked_at: string | null
  readonly expires_at: string | null
}

export interface AccessReplayOptions {
  readonly pool: UsersDatabase['pool']
  /** The actor in the audit log. */
  readonly command: string
  readonly clock: () => Date
}

/**
 * Repeats revocations and blocks in a restored database, and revokes all tokens. Run by the owner;
 * idempotent. It only removes access: keys created since are not restored.
 */
export function createAccessReplay({ pool, command, clock }: AccessReplayOptions) {
  const recordOn = (client: Parameters<typeof statementsOn>[0], record: AuditRecord): Promise<void> =>
    recordAudit(statementsOn(client), { command }, record, clock())

  return {
    /** New stores get higher ids than any store before, so that none inherits another's data. */
    async numberStoresAfter(storeId: number): Promise<void> {
      await pool.query(
        `SELECT setval('stores_store_id_seq', $1::bigint) FROM stores_store_id_seq
         WHERE $1::bigint > 0 AND (last_value < $1::bigint OR NOT is_called)`,
        [storeId],
      )
    },

    /** Sets the expiry of keys that had one, never later. @returns how many were still active */
    endKeys: (rows: readonly EndedKey[]): Promise<number> =>
      inPoolTransaction(pool, async (client) => {
        const { rows: ended } = await client.query<{ id: string; storeId: number | null; revoked: boolean }>(
          `UPDATE api_keys k SET revoked_at = least(k.revoked_at, r.revoked_at), expires_at = least(k.expires_at, r.expires_at)
           FROM jsonb_to_recordset($1::jsonb) AS r (id uuid, revoked_at timestamptz, expires_at timestamptz)
           WHERE k.id = r.id AND (k.revoked_at IS DISTINCT FROM least(k.revoked_at, r.revoked_at)
             OR k.expires_at IS DISTINCT FROM least(k.expires_at, r.expires_at))
           RETURNING k.id, k.store_id AS "storeId", k.revoked_at IS NOT NULL AS revoked`,
          [JSON.stringify(rows)],
        )
        for (const { id, storeId, revoked } of ended) {
          const action: AuditAction = revoked ? 'API_KEY_REVOKED' : 'API_KEY_ROTATED'
          await recordOn(client, { action, storeId, recordIds: [id] })
        }
        return ended.length
      }),

    /** @returns for each store that was not blocked here, the command for the events database */
    blockStores: (storeIds: readonly number[]): Promise<{ storeId: number; commandId: number }[]> =>
      inPoolTransaction(pool, async (client) => {
        const { rows } = await client.query<{ storeId: number; id: string }>(
          `WITH blocked AS (
             UPDATE stores SET state = 'BLOCKED' WHERE store_id = ANY ($1::int[]) AND state = 'ACTIVE' RETURNING store_id
           )
           INSERT INTO outbox (store_id, kind, payload) SELECT store_id, 'STORE_ACCESS', '{"state": "BLOCKED"}' FROM blocked
           RETURNING store_id AS "storeId", id`,
          [storeIds],
        )
        for (const { storeId } of rows)
          await recordOn(client, { action: 'STORE_BLOCKED', storeId, recordIds: [String(storeId)] })
        return rows.map(({ storeId, id }) => ({ storeId, commandId: Number(id) }))
      }),

    /** Marks the command of the events database as delivered. */
    async markDelivered({ storeId, commandId }: { storeId: number; commandId: number }): Promise<void> {
      await pool.query('UPDATE outbox SET delivered_at = $3 WHERE store_id = $1 AND id = $2', [
        storeId,
        commandId,
        clock(),
      ])
    },

    /**
     * Invalidates every token: those of keys and stores unknown here cannot be distinguished, and the signing
     * keys may have been rotated because they were compromised. The next start creates a new one.
     *
     * @returns the number of signing keys
     */
    destroySigningKeys: (): Promise<number> =>
      inPoolTransaction(pool, async (client) => {
        const { rows } = await client.query<{ kid: string }>('DELETE FROM signing_keys RETURNING kid')
        const recordIds = rows.map(({ kid }) => kid)
        if (recordIds.length > 0)
          await recordOn(client, { action: 'SIGNING_KEY_ROTATED', storeId: null, recordIds })
        return recordIds.length
      }),

    /** Whether there is a usable admin key; a database without any key was never started. */
    async hasAdmin(): Promise<boolean> {
      const { rows } = await pool.query<{ there: boolean }>(
        `SELECT EXISTS (SELECT FROM api_keys WHERE role = 'ADMIN' AND revoked_at IS NULL
           AND (expires_at IS NULL OR expires_at > $1)) OR NOT EXISTS (SELECT FROM api_keys) AS there`,
        [clock()],
      )
      return rows[0]?.there === true
    },
  }
}
