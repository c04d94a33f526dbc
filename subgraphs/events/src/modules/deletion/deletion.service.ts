import type { PoolClient } from 'pg'
import type { EventsDb } from '@user-stats/prisma-events'
import { auditedUserId, type AuditContext } from '@user-stats/audit-log'
import { badInput, DomainError, tenantOf } from '@user-stats/core'
import type { Access } from '../access/access.service.ts'
import { withExclusiveStoreLock, withSharedStoreLock } from '../../database/store-lock.ts'
import type { Audit } from '../audit/audit.service.ts'
import { addRows, directDeletionId, holdProgress, resumeProgress, saveProgress } from './progress.ts'
import { requireText } from '../event/validation.ts'
import { lastEventOf, deleteStoreEvents, type Span } from './delete-store-events.ts'
import { deleteUserEvents } from './delete-user-events.ts'

export interface DeletionOptions {
  readonly db: EventsDb
  readonly access: Access
  readonly audit: Audit
  readonly clock: () => Date
  /** Events of a user in one transaction, at most. */
  readonly userBatch?: number
  /** Events of a store in one transaction, at most. */
  readonly storeBatch?: number
}

export type Deletion = ReturnType<typeof createDeletion>

/**
 * Deleting events at a caller's wish, oldest first, in transactions of bounded size beside the store's writers. Each
 * corrects the rollups of what it deletes.
 */
export function createDeletion({
  db,
  access,
  audit,
  clock,
  userBatch = 2_000,
  storeBatch = 5_000,
}: DeletionOptions) {
  let stopped = false

  function requireRunning(): void {
    if (!stopped) return
    throw new DomainError('SERVICE_UNAVAILABLE', {
      message: 'The service is stopping before all was deleted. Repeat the request to delete the rest.',
      retryAfter: 5,
    })
  }

  /** One step through a store's events, counted together with those of whoever deletes them at the same time. */
  const takeStep = (storeId: number, span: Span): Promise<{ next: Span | null; eventsDeleted: number }> =>
    withSharedStoreLock(db, storeId, async (client, prisma) => {
      const key = { storeId, commandId: directDeletionId }
      const before = await holdProgress(client, prisma, key)
      const { next, rows } = await deleteStoreEvents(client, storeId, span, storeBatch)
      const eventsDeleted = before.eventsDeleted + (rows['events'] ?? 0)
      const after = { ...before, finished: next === null, eventsDeleted, rows: addRows(before.rows, rows) }
      await saveProgress(prisma, key, after, clock())
      return { next, eventsDeleted }
    })

  return {
    /**
     * Deletes a user's events.
     *
     * @returns how many events of the user there were
     */
    async ofUser(acting: AuditContext, storeId: number | null | undefined, userId: string): Promise<number> {
      const { caller } = acting
      const tenant = tenantOf(caller, storeId)
      requireText('userId', userId, 128)
      await access.admit(caller, tenant)
      const recordIds = [auditedUserId(userId)]
      for (let count = 0; ;) {
        const { more, deleted } = await withSharedStoreLock(db, tenant, async (client, prisma) => {
          const taken = await deleteUserEvents(client, tenant, userId, { limit: userBatch, pseudonym: null })
          const record = { storeId: tenant, recordIds, recordCount: taken.deleted }
          if (taken.deleted > 0)
            await audit.record(prisma, acting, { action: 'USER_EVENTS_DELETED', ...record })
          return taken
        })
        count += deleted
        if (!more) return count
        requireRunning()
      }
    },

    /**
     * Deletes the events a store has now; what it records meanwhile may stay. What breaks off is gone on with when it
     * is asked for again.
     *
     * @returns how many events were deleted, over all requests since the first that was not finished
     * @throws SERVICE_UNAVAILABLE when the service stops before the end
     */
    async ofStore(acting: AuditContext, storeId: number): Promise<number> {
      const { caller } = acting
      if (storeId < 1) throw badInput('storeId', 'must be 1 or more')
      const tenant = tenantOf(caller, storeId)
      await access.admit(caller, tenant)
      // Alone with the store: whatever was recorded before is seen.
      let span: Span = await withExclusiveStoreLock(db, tenant, async (client, prisma) => {
        const recordCount = await eventsOfStore(client, tenant)
        const record = { storeId: tenant, recordIds: [String(tenant)], recordCount }
        // Once, before the first events go, with what there is to be deleted.
        if (recordCount > 0) await audit.record(prisma, acting, { action: 'STORE_EVENTS_DELETED', ...record })
        await resumeProgress(prisma, { storeId: tenant, commandId: directDeletionId })
        return { from: null, last: await lastEventOf(client, tenant) }
      })
      for (;;) {
        const { next, eventsDeleted } = await takeStep(tenant, span)
        if (next === null) return eventsDeleted
        span = next
        requireRunning()
      }
    },

    /** Ends what is under way after the transaction it is at. */
    stop(): void {
      stopped = true
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
