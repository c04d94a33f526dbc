import { v7 as createId } from 'uuid'
import { Prisma, type PrismaClient, type ErasureState, type ErasureSubject } from '@user-stats/prisma-users'
import type { Db } from '../../database/transaction.ts'
import type { CommandProgress } from '../../outbox/apply.ts'
import type { CommandRef } from '../../outbox/outbox-repository.ts'
import type { ErasedRows, ErasureRecord } from './erasure.types.ts'

/** The subject of an erasure. */
export interface Subject {
  readonly storeId: number
  readonly subject: ErasureSubject
  /** Empty for a store. */
  readonly subjectId: string
}

export interface ErasureFilter {
  /** Null: of all stores. */
  readonly storeId: number | null
  readonly subjectId?: string | null | undefined
  readonly state?: ErasureState | null | undefined
}

const select = Prisma.sql`
  SELECT e.store_id AS "storeId", e.id, e.subject, e.subject_id AS "subjectId", e.events, e.state,
    e.command_id AS "commandId", e.requested_at AS "requestedAt", e.finished_at AS "finishedAt",
    e.reported_at AS "reportedAt", e.users_deleted AS "usersDeleted", e.events_total AS "eventsTotal",
    e.events_deleted AS "eventsDeleted", e.events_anonymised AS "eventsAnonymised",
    e.erased_rows AS "erasedRows", e.receipt,
    GREATEST(coalesce(o.attempts, 0) - (o.delivered_at IS NOT NULL)::int, 0) AS "failedAttempts",
    o.last_error AS "lastError"
  FROM erasures e LEFT JOIN outbox o ON o.store_id = e.store_id AND o.id = e.command_id`

const all = (db: Db, rest: Prisma.Sql): Promise<ErasureRecord[]> =>
  db.$queryRaw<ErasureRecord[]>`${select} ${rest}`
const one = async (db: Db, rest: Prisma.Sql): Promise<ErasureRecord | undefined> => (await all(db, rest))[0]

export type ErasureRepository = ReturnType<typeof createErasureRepository>

/** The table of erasures, running and completed. */
export function createErasureRepository({
  prisma,
  clock,
}: {
  readonly prisma: PrismaClient
  readonly clock: () => Date
}) {
  return {
    /** @param storeId null: any store */
    byId: (storeId: number | null, id: string) =>
      one(
        prisma,
        Prisma.sql`WHERE e.id = ${id}::uuid AND (${storeId}::int IS NULL OR e.store_id = ${storeId}::int)`,
      ),

    /** @param storeId null: any store */
    ofSubject: (db: Db, storeId: number | null, subject: ErasureSubject, subjectId: string) =>
      one(
        db,
        Prisma.sql`WHERE e.subject = ${subject}::erasure_subject AND e.subject_id = ${subjectId}
          AND (${storeId}::int IS NULL OR e.store_id = ${storeId}::int)`,
      ),

    byCommand: (db: Db, { storeId, id }: CommandRef) =>
      one(db, Prisma.sql`WHERE e.store_id = ${storeId} AND e.command_id = ${id} FOR UPDATE OF e`),

    /** Newest first: ids are ordered by time. */
    page: ({ storeId, subjectId, state }: ErasureFilter, after: string | null, limit: number) =>
      all(
        prisma,
        Prisma.sql`WHERE (${storeId}::int IS NULL OR e.store_id = ${storeId}::int)
          AND (${subjectId ?? null}::text IS NULL OR e.subject_id = ${subjectId ?? null}::text)
          AND (${state ?? null}::text IS NULL OR e.state = ${state ?? null}::text::erasure_state)
          AND (${after}::uuid IS NULL OR e.id < ${after}::uuid)
          ORDER BY e.id DESC LIMIT ${limit}`,
      ),

    /**
     * Records an erasure before it is sent to the events service.
     *
     * @param erased rows deleted here in the same transaction, by table
     * @returns false when it was recorded before
     */
    async create(
      tx: Db,
      subject: Subject,
      events: 'ERASE' | 'ANONYMISE',
      erased: Readonly<Record<string, number>> = {},
    ): Promise<boolean> {
      const usersDeleted = erased['users'] ?? 0
      const erasedRows = usersDeleted > 0 ? { users: erased } : {}
      const data = { ...subject, id: createId(), events, usersDeleted, erasedRows, requestedAt: clock() }
      const { count } = await tx.erasure.createMany({
        data: { ...data, state: 'PENDING' },
        skipDuplicates: true,
      })
      return count > 0
    },

    /** Records users whose personal data is deleted and whose events stay. */
    async createKept(tx: Db, storeId: number, ids: readonly string[]): Promise<void> {
      const now = clock()
      await tx.erasure.createMany({
        data: ids.map((subjectId) => ({
          storeId,
          id: createId(),
          subject: 'USER' as const,
          subjectId,
          events: 'KEEP' as const,
          state: 'DONE' as const,
          requestedAt: now,
          finishedAt: now,
          reportedAt: now,
          usersDeleted: 1,
          erasedRows: { users: { users: 1, user_keys: 1 } },
        })),
        skipDuplicates: true,
      })
    },

    async tie(tx: Db, { storeId, subject, subjectId }: Subject, commandId: bigint): Promise<void> {
      await tx.erasure.update({
        where: { storeId_subject_subjectId: { storeId, subject, subjectId } },
        data: { commandId },
      })
    },

    /** The command is being sent to the events service. */
    begin: ({ storeId, id }: CommandRef): Promise<unknown> =>
      prisma.erasure.updateMany({
        where: { storeId, commandId: id, state: 'PENDING' },
        data: { state: 'RUNNING' },
      }),

    /** Counts users of a store that have been deleted, in the transaction that deletes them. */
    addUsersDeleted: (tx: Db, { storeId, id }: CommandRef, count: number): Promise<unknown> =>
      tx.$executeRaw`
        UPDATE erasures SET users_deleted = users_deleted + ${count}::int,
          erased_rows = erased_rows || jsonb_build_object('users', jsonb_build_object(
            'users', users_deleted + ${count}::int, 'user_keys', users_deleted + ${count}::int))
        WHERE store_id = ${storeId} AND command_id = ${id}`,

    progressed: (
      { storeId, id }: CommandRef,
      { eventsTotal, eventsDeleted, eventsAnonymised }: CommandProgress,
    ): Promise<unknown> =>
      prisma.erasure.updateMany({
        where: { storeId, commandId: id, state: { not: 'DONE' } },
        data: { eventsTotal, eventsDeleted, eventsAnonymised },
      }),

    async finish(
      tx: Db,
      { storeId, id }: Pick<ErasureRecord, 'storeId' | 'id'>,
      {
        erasedRows,
        receipt,
        finishedAt,
        ...progress
      }: Omit<CommandProgress, 'finished' | 'rows'> & {
        readonly erasedRows: ErasedRows
        readonly receipt: string
        readonly finishedAt: Date
      },
    ): Promise<void> {
      await tx.erasure.update({
        where: { storeId_id: { storeId, id } },
        data: { ...progress, erasedRows: { ...erasedRows }, receipt, finishedAt, state: 'DONE' },
      })
    },

    /** The result is being returned to a request. */
    reported: ({ storeId, id }: Pick<ErasureRecord, 'storeId' | 'id'>): Promise<unknown> =>
      prisma.erasure.updateMany({
        where: { storeId, id, reportedAt: null },
        data: { reportedAt: clock() },
      }),
  }
}
