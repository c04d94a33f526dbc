import { DomainError } from '@user-stats/core'
import type { EventsDatabase } from '@user-stats/prisma-events'
import { withExclusiveStoreLock } from '../database/store-lock.ts'
import { setStoreAccess, type StoreState } from '../modules/access/access.service.ts'
import { createIngest } from '../modules/event/ingest-queue.ts'
import { createPartitions } from '../modules/event/partitions.ts'
import { prepareEvent } from '../modules/event/validation.ts'
import type { BatchItem } from '../modules/event/write-batch.ts'
import { createImportedIds } from './imported-ids.ts'

export { repairData } from './repair-data.ts'

/** An event of the previous system. */
export interface LegacyEvent {
  /** Its id there. */
  readonly id: number
  readonly storeId: number
  readonly userId: string
  readonly type: string
  readonly data: Record<string, unknown>
  readonly createdAt: Date
}

/** Recorded now, recorded by a run before, or why it is not. */
export type LegacyEventOutcome = 'ADDED' | 'KNOWN' | DomainError

/** Events of a store that were imported, by UTC day. */
export interface ImportedDay {
  readonly storeId: number
  readonly day: string
  readonly events: number
}

/** The key that imported events are recorded with: none is revoked under this id. */
const importKey = '00000000-0000-0000-0000-000000000000'
/** Milliseconds in which a batch is written: locks of erasures are waited for. */
const acknowledgeTimeout = 600_000

/**
 * Records events of the previous system through the ingest of this service, so that rollups, tombstones,
 * settings and retention hold for them too. To be used by the owner, beside a running service or without one.
 */
export function createEventImport({ db }: { readonly db: EventsDatabase }) {
  const partitions = createPartitions({ pool: db.pool })
  const ingest = createIngest({ pool: db.pool, writers: db.ingestPool, partitions, acknowledgeTimeout })
  const ids = createImportedIds(db)

  function toItem(event: LegacyEvent): BatchItem | DomainError {
    const { id, storeId, userId, type, data, createdAt } = event
    try {
      const prepared = prepareEvent({ userId, type, data, occurredAt: createdAt }, storeId, createdAt)
      return { event: prepared, id: String(ids.of(id)), keyId: importKey, keyStore: 0, admin: true }
    } catch (error) {
      if (error instanceof DomainError) return error
      throw error
    }
  }

  /** Which of some items are recorded already: an id, a store and an instant name one event. */
  async function findKnown(items: readonly BatchItem[]): Promise<ReadonlySet<string>> {
    const { rows } = await db.pool.query<{ id: string }>({
      name: 'find-imported',
      text: `SELECT e.id FROM unnest($1::int[], $2::timestamptz[], $3::bigint[]) AS w(store_id, occurred_at, id)
             JOIN events e USING (store_id, occurred_at, id)`,
      values: [
        items.map(({ event }) => event.storeId),
        items.map(({ event }) => event.occurredAt.toISOString()),
        items.map(({ id }) => id),
      ],
    })
    return new Set(rows.map(({ id }) => id))
  }

  return {
    /** Makes ids up to the greatest of the previous system free, as far as they are not in use here. */
    reserveIds: (greatest: number): Promise<void> => ids.reserve(greatest),

    /** Sets what a store may do, as the users service does. */
    async setStoreAccess(state: StoreState): Promise<void> {
      await withExclusiveStoreLock(db, state.storeId, (_client, prisma) => setStoreAccess(prisma, state))
    },

    /**
     * Records events, up to some thousands at once. Idempotent: recorded events stay unchanged.
     *
     * @returns an outcome for each, in order
     * @throws DomainError when the database is away
     */
    async record(events: readonly LegacyEvent[]): Promise<LegacyEventOutcome[]> {
      const prepared = events.map(toItem)
      const valid = prepared.filter((item): item is BatchItem => !(item instanceof DomainError))
      const known = await findKnown(valid)
      const fresh = valid.filter(({ id = '' }) => !known.has(id))
      const written = fresh.length === 0 ? [] : await ingest.record(fresh)
      const outcomes = new Map(fresh.map(({ id }, at) => [id, written[at]]))
      return prepared.map((item) => {
        if (item instanceof DomainError) return item
        if (known.has(item.id ?? '')) return 'KNOWN'
        const outcome = outcomes.get(item.id)
        if (outcome instanceof DomainError && outcome.status < 500) return outcome
        if (outcome === undefined || outcome instanceof DomainError)
          throw outcome ?? new Error('an event has no outcome')
        return 'ADDED'
      })
    },

    /** The imported events of some stores, by day. */
    async countDays(storeIds: readonly number[]): Promise<ImportedDay[]> {
      const { rows } = await db.pool.query<ImportedDay>(
        `SELECT e.store_id AS "storeId", (e.occurred_at AT TIME ZONE 'UTC')::date::text AS day, count(*)::int AS events
         FROM events e
         WHERE e.store_id = ANY ($1::int[]) AND (e.id >= $2 OR EXISTS (
           SELECT FROM imported_ids r WHERE r.store_id = 0 AND e.id BETWEEN r.first_id AND r.last_id))
         GROUP BY 1, 2`,
        [storeIds, ids.firstRenumbered],
      )
      return rows
    },
  }
}
