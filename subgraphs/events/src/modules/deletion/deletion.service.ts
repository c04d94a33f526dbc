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
  /** Called when a deletion is committed, before it is answered. */
  readonly onRemoved: (storeId: number) => Promise<void>
  /** Maximum events of a user in one transaction. */
  readonly userBatch?: number
  /** Maximum events of a store in one transaction. */
  readonly storeBatch?: number
}

export type Deletion = ReturnType<typeof createDeletion>

/**
 * Deletes events on request, oldest first, in transactions of bounded size with the shared lock of the store.
 * Each corrects the rollups of what it deletes.
 */
export function createDeletion({
  db,
  access,
  audit,
  clock,
  onRemoved,
  userBatch = 2_000,
  storeBatch = 5_000,
}: DeletionOptions) {
  let stopped = false

  function requireRunning(): void {
    if (!stopped) return
    throw new DomainError('SERVICE_UNAVAILABLE', {
      message:
        'The service is stopping before all events were deleted. Repeat the request to delete the rest.',
      retryAfter: 5,
    })
  }

  /** One step of a store's deletion; concurrent requests share its count. */
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
    async ofUser(
      auditContext: AuditContext,
      storeId: number | null | undefined,
      userId: string,
    ): Promise<number> {
      const { caller } = auditContext
      const tenant = tenantOf(caller, storeId)
      requireText('userId', userId, 128)
      await access.assertActive(caller, tenant)
      const recordIds = [auditedUserId(userId)]
      for (let count = 0; ;) {
        const { more, deleted } = await withSharedStoreLock(db, tenant, async (client, prisma) => {
          const taken = await deleteUserEvents(client, tenant, userId, { limit: userBatch, pseudonym: null })
          const record = { storeId: tenant, recordIds, recordCount: taken.deleted }
          if (taken.deleted > 0)
            await audit.record(prisma, auditContext, { action: 'USER_EVENTS_DELETED', ...record })
          return taken
        })
        count += deleted
        if (!more) {
          await onRemoved(tenant)
          return count
        }
        requireRunning()
      }
    },

    /**
     * Deletes the events that a store has now; events recorded meanwhile may stay. An interrupted deletion is
     * continued by the next request.
     *
     * @returns the number of deleted events, over all requests since the first unfinished one
     * @throws SERVICE_UNAVAILABLE when the service stops before the end
     */
    async ofStore(auditContext: AuditContext, storeId: number): Promise<number> {
      const { caller } = auditContext
      if (storeId < 1) throw badInput('storeId', 'must be 1 or more')
      const tenant = tenantOf(caller, storeId)
      await access.assertActive(caller, tenant)
      // With the exclusive lock: everything recorded before is visible.
      let span: Span = await withExclusiveStoreLock(db, tenant, async (client, prisma) => {
        const recordCount = await eventsOfStore(client, tenant)
        const record = { storeId: tenant, recordIds: [String(tenant)], recordCount }
        // Recorded once, before the first events are deleted, with the number to delete.
        if (recordCount > 0)
          await audit.record(prisma, auditContext, { action: 'STORE_EVENTS_DELETED', ...record })
        await resumeProgress(prisma, { storeId: tenant, commandId: directDeletionId })
        return { from: null, last: await lastEventOf(client, tenant) }
      })
      for (;;) {
        const { next, eventsDeleted } = await takeStep(tenant, span)
        if (next === null) {
          await onRemoved(tenant)
          return eventsDeleted
        }
        span = next
        requireRunning()
      }
    },

    /** Stops running deletions after their current transaction. */
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
