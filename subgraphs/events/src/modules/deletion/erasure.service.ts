import { randomUUID } from 'node:crypto'
import type { PoolClient } from 'pg'
import { isStatementTimeout, type EventsDb, type PrismaDb } from '@user-stats/prisma-events'
import { DomainError } from '@user-stats/core'
import { withExclusiveStoreLock, withSharedStoreLock } from '../../database/store-lock.ts'
import { deleteUserEvents } from './delete-user-events.ts'
import {
  addRows,
  beginProgress,
  hasBegun,
  holdProgress,
  saveProgress,
  type CommandKey,
  type Progress,
} from './progress.ts'
import { deleteChunkOfStore } from './erase-store.ts'

/** Batch sizes. */
export interface ErasureSteps {
  /** Maximum events of a user in one transaction. */
  readonly userBatch?: number
  /** Maximum rows of each table of a store in one transaction. */
  readonly storeBatch?: number
  /** Milliseconds after which a call returns its progress; it makes at least one step. */
  readonly budget?: number
}

export interface ErasuresOptions extends ErasureSteps {
  readonly db: EventsDb
  readonly clock: () => Date
  /** Called when an erasure is committed, before it is answered. */
  readonly onRemoved?: (storeId: number) => Promise<void>
}

export type Erasures = ReturnType<typeof createErasures>

/** Called in the transaction that completes the erasure. */
export type OnFinished = (prisma: PrismaDb, progress: Progress) => Promise<unknown>

/** The state after a step. */
type Step = (client: PoolClient, progress: Progress) => Promise<Progress>

/**
 * Erases users and stores in steps of bounded size, each a transaction of its own with the shared lock of the
 * store. The next call continues where the last one stopped; an interrupted step has no effect.
 */
export function createErasures({
  db,
  clock,
  onRemoved = () => Promise.resolve(),
  userBatch = 2_000,
  storeBatch = 10_000,
  budget = 1_000,
}: ErasuresOptions) {
  async function takeStep(key: CommandKey, step: Step, onFinished?: OnFinished): Promise<Progress> {
    return await withSharedStoreLock(db, key.storeId, async (client, prisma) => {
      const before = await holdProgress(client, prisma, key)
      if (before.finished) return before
      const after = await step(client, before)
      await saveProgress(prisma, key, after, clock())
      if (after.finished) await onFinished?.(prisma, after)
      return after
    }).catch((error: unknown) => {
      // A step is small: a slow one waits for locks, or for an overloaded database.
      if (isStatementTimeout(error)) throw new DomainError('DATABASE_UNAVAILABLE', { cause: error })
      throw error
    })
  }

  async function goOn(key: CommandKey, count: Step, step: Step, onFinished: OnFinished): Promise<Progress> {
    const until = performance.now() + budget
    await takeStep(key, count)
    for (;;) {
      const progress = await takeStep(key, step, onFinished)
      if (progress.finished) await onRemoved(key.storeId)
      if (progress.finished || performance.now() >= until) return progress
    }
  }

  /** With the exclusive lock: once this has committed, no event of the user can be written. */
  const begin = (key: CommandKey, userId: string, anonymise: boolean): Promise<void> =>
    withExclusiveStoreLock(db, key.storeId, async (_client, prisma) => {
      await prisma.erasedUser.createMany({
        data: { storeId: key.storeId, userId, erasedAt: clock() },
        skipDuplicates: true,
      })
      await beginProgress(prisma, key, anonymise ? `anonymous-${randomUUID()}` : null)
    })

  return {
    /**
     * Erases a user, or anonymises their events. From the first step on late events are refused.
     *
     * @param anonymise whether the events are kept, without their data, under a pseudonym that cannot be
     *   traced back
     */
    async user(
      key: CommandKey,
      { userId, anonymise }: { readonly userId: string; readonly anonymise: boolean },
      onFinished: OnFinished,
    ): Promise<Progress> {
      const { storeId } = key
      if (!(await hasBegun(db.prisma, key))) await begin(key, userId, anonymise)
      return await goOn(
        key,
        countOnce('SELECT count(*) FROM events WHERE store_id = $1 AND user_id = $2', [storeId, userId]),
        async (client, progress) => {
          const taken = await deleteUserEvents(client, storeId, userId, {
            limit: userBatch,
            pseudonym: progress.pseudonym,
          })
          return {
            ...progress,
            finished: !taken.more,
            eventsDeleted: progress.eventsDeleted + taken.deleted,
            eventsAnonymised: progress.eventsAnonymised + taken.moved,
            rows: addRows(progress.rows, taken.rows),
          }
        },
        onFinished,
      )
    },

    /** Deletes everything of a store. Its access must have been revoked before. */
    async store(key: CommandKey, onFinished: OnFinished): Promise<Progress> {
      const { storeId } = key
      await withSharedStoreLock(db, storeId, (_client, prisma) => beginProgress(prisma, key))
      return await goOn(
        key,
        countOnce(
          `SELECT coalesce(sum(d.events), 0) AS count FROM day_totals d
           LEFT JOIN retention own ON own.store_id = d.store_id LEFT JOIN retention every ON every.store_id = 0
           WHERE d.store_id = $1 AND d.day >= coalesce(greatest(own.raw_from, every.raw_from), '-infinity')`,
          [storeId],
        ),
        async (client, progress) => {
          const { more, rows } = await deleteChunkOfStore(client, storeId, storeBatch)
          return {
            ...progress,
            finished: !more,
            eventsDeleted: progress.eventsDeleted + (rows['events'] ?? 0),
            rows: addRows(progress.rows, rows),
          }
        },
        onFinished,
      )
    },
  }
}

/** Counts the events at the beginning; nothing can be added any more. */
const countOnce =
  (text: string, values: readonly unknown[]): Step =>
  async (client, progress) => {
    if (progress.eventsTotal !== null) return progress
    const { rows } = await client.query<{ count: string }>(text, [...values])
    return { ...progress, eventsTotal: progress.eventsDeleted + Number(rows[0]?.count ?? 0) }
  }
