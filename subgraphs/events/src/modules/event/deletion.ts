import type { Pool, PoolClient } from 'pg'
import { auditedUserId, badInput, tenantOf, type Acting } from '@user-stats/service'
import type { Access } from '../access/access.ts'
import { aloneWithStore, besideWriters } from '../access/transaction.ts'
import type { Audit } from '../audit/audit.ts'
import { daysOfStore, removeStoreDay } from './day-removal.ts'
import { requireText } from './rules.ts'
import { takeUserEvents } from './user-removal.ts'

/** Events of a user in one transaction, at most. */
const userBatch = 2_000

export type Deletion = ReturnType<typeof createDeletion>

/** Deleting events at a caller's wish. The rollups are corrected in the same transactions. */
export function createDeletion({
  pool,
  access,
  audit,
}: {
  readonly pool: Pool
  readonly access: Access
  readonly audit: Audit
}) {
  return {
    /**
     * Deletes a user's events, oldest first, in transactions of bounded size beside the store's writers.
     *
     * @returns how many events of the user there were
     */
    async ofUser(acting: Acting, storeId: number | null | undefined, userId: string): Promise<number> {
      const { caller } = acting
      const tenant = tenantOf(caller, storeId)
      requireText('userId', userId, 128)
      await access.admit(caller, tenant)
      const recordIds = [auditedUserId(userId)]
      for (let count = 0; ;) {
        const { more, deleted } = await besideWriters(pool, tenant, async (client) => {
          const taken = await takeUserEvents(client, tenant, userId, { limit: userBatch, heir: null })
          const record = { storeId: tenant, recordIds, recordCount: taken.deleted }
          if (taken.deleted > 0)
            await audit.record(client, acting, { action: 'USER_EVENTS_DELETED', ...record })
          return taken
        })
        count += deleted
        if (!more) return count
      }
    },

    /**
     * Deletes a store's events day by day; each day's events and rollups go together.
     *
     * @returns how many events there were
     */
    async ofStore(acting: Acting, storeId: number): Promise<number> {
      const { caller } = acting
      if (storeId < 1) throw badInput('storeId', 'must be 1 or more')
      const tenant = tenantOf(caller, storeId)
      await access.admit(caller, tenant)
      const days = await aloneWithStore(pool, tenant, async (client) => {
        const recordCount = await eventsOfStore(client, tenant)
        const recordIds = [String(tenant)]
        // Once, before the first day goes, with what there is to be deleted.
        if (recordCount > 0)
          await audit.record(client, acting, {
            action: 'STORE_EVENTS_DELETED',
            storeId: tenant,
            recordIds,
            recordCount,
          })
        return await daysOfStore(client, tenant)
      })
      let deleted = 0
      for (const day of days)
        deleted += await aloneWithStore(pool, tenant, (client) => removeStoreDay(client, tenant, day))
      return deleted
    },
  }
}

async function eventsOfStore(client: PoolClient, storeId: number): Promise<number> {
  const { rows } = await client.query<{ events: string | null }>(
    'SELECT sum(events)::bigint AS events FROM day_totals WHERE store_id = $1',
    [storeId],
  )
  return Number(rows[0]?.events ?? 0)
}
