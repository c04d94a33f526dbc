import { randomUUID } from 'node:crypto'
import { createErasureReplay as createEventsReplay } from '@user-stats/events/erasure-replay'
import {
  createErasureReplay as createUsersReplay,
  type ErasureTombstone,
} from '@user-stats/users/erasure-replay'
import { replayAccess } from './access.ts'
import type { Row, Tombstones } from './file.ts'
import type { Pools, ReplayOptions } from './pools.ts'

export interface Replayed {
  /** Users, visitors and stores erased again. */
  readonly erasures: number
  readonly eventsDeleted: number
  /** API keys revoked again. */
  readonly keys: number
  /** Stores blocked again. */
  readonly stores: number
}

/** Erasures looked up at a time: most are known. */
const batch = 1_000

/**
 * Applies tombstones to both databases. What both know already is skipped, so it may be repeated, and an
 * interrupted run can be continued.
 */
export async function replayTombstones(
  pools: Pools,
  tombstones: Tombstones,
  { command, clock }: ReplayOptions,
  signal?: AbortSignal,
): Promise<Replayed> {
  const users = createUsersReplay({ pool: pools.users, command, clock })
  const events = createEventsReplay({ pool: pools.events, clock })
  await users.numberAfter(await events.lastCommand())
  const { keys, stores } = await replayAccess(pools, tombstones, { command, clock })
  await users.addReceiptKeys(tombstones.receiptKeys)
  let erasures = 0
  let eventsDeleted = 0
  const all = everyErasure(tombstones)
  for (let at = 0; at < all.length; at += batch)
    for (const row of await users.unfinished(all.slice(at, at + batch))) {
      signal?.throwIfAborted()
      const again = await users.erase(row)
      if (again === undefined) continue
      eventsDeleted +=
        again.subject === 'STORE'
          ? await events.store(again)
          : await events.user(again, again.subjectId, again.anonymise)
      await users.markDelivered(again)
      erasures += 1
    }
  return { erasures, eventsDeleted, keys, stores }
}

/**
 * Recorded erasures, and those known to the events database only; stores last, since they include all others.
 */
function everyErasure({ erasures, erasedUsers, deletedStores }: Tombstones): ErasureTombstone[] {
  const recorded = erasures as unknown as readonly ErasureTombstone[]
  const known = new Set(recorded.map(({ store_id, subject_id }) => `${String(store_id)}/${subject_id}`))
  const made = (
    row: Row,
    subject: 'VISITOR' | 'STORE',
    subjectId: string,
    at: unknown,
  ): ErasureTombstone[] => {
    const storeId = Number(row['store_id'])
    if (known.has(`${String(storeId)}/${subjectId}`)) return []
    const counts = { users_deleted: 0, events_deleted: 0, events_anonymised: 0, erased_rows: {} }
    const times = { requested_at: at, finished_at: at, reported_at: at }
    const what = { store_id: storeId, id: randomUUID(), subject, subject_id: subjectId } as const
    return [{ ...what, events: 'ERASE', state: 'DONE', ...times, ...counts }]
  }
  return [
    ...recorded.filter(({ subject }) => subject !== 'STORE'),
    ...erasedUsers.flatMap((row) => made(row, 'VISITOR', String(row['user_id']), row['erased_at'])),
    ...recorded.filter(({ subject }) => subject === 'STORE'),
    ...deletedStores.flatMap((row) => made(row, 'STORE', '', new Date(0).toISOString())),
  ]
}
