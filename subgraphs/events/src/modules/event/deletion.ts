import type { Pool } from 'pg'
import { badInput, tenantOf, type Caller } from '@user-stats/service'
import type { Access } from '../access/access.ts'
import { aloneWithStore } from '../access/transaction.ts'
import { daysOfStore, removeStoreDay, removeUserEvents } from './removal.ts'
import { requireText } from './rules.ts'

export type Deletion = ReturnType<typeof createDeletion>

/** Deleting events at a caller's wish. The rollups are corrected in the same transactions. */
export function createDeletion({ pool, access }: { readonly pool: Pool; readonly access: Access }) {
  return {
    /** @returns how many events of the user there were */
    async ofUser(caller: Caller, storeId: number | null | undefined, userId: string): Promise<number> {
      const tenant = tenantOf(caller, storeId)
      requireText('userId', userId, 128)
      await access.admit(caller, tenant)
      return await aloneWithStore(pool, tenant, (client) => removeUserEvents(client, tenant, userId))
    },

    /**
     * Deletes a store's events day by day; each day's events and rollups go together.
     *
     * @returns how many events there were
     */
    async ofStore(caller: Caller, storeId: number): Promise<number> {
      if (storeId < 1) throw badInput('storeId', 'must be 1 or more')
      const tenant = tenantOf(caller, storeId)
      await access.admit(caller, tenant)
      const days = await aloneWithStore(pool, tenant, (client) => daysOfStore(client, tenant))
      let deleted = 0
      for (const day of days)
        deleted += await aloneWithStore(pool, tenant, (client) => removeStoreDay(client, tenant, day))
      return deleted
    },
  }
}
