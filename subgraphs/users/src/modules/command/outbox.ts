import { Prisma, type Command as CommandRow, type PrismaClient } from '@user-stats/prisma-users'
import type { Db } from '../../database/transaction.ts'

/** What the events service must be told. */
export type CommandPayload =
  | { readonly kind: 'STORE_ACCESS'; readonly state: 'ACTIVE' | 'BLOCKED' | 'DELETED' }
  /** @property dueAt not before this instant (RFC 3339) */
  | { readonly kind: 'KEY_REVOKED'; readonly keyId: string; readonly dueAt?: string }
  | { readonly kind: 'ERASE_USER'; readonly userId: string }
  | { readonly kind: 'DELETE_STORE' }
  | {
      readonly kind: 'STORE_SETTINGS'
      readonly retentionDays: number | null
      /** Absent in commands of before there was such a setting. */
      readonly refuseEmailLikeData?: boolean
    }

/** The primary key of a command. */
export interface CommandRef {
  readonly storeId: number
  readonly id: bigint
}

export type Command = CommandRef & CommandPayload

/** What carrying a command out has deleted. */
export interface CommandResult {
  readonly usersDeleted: number
  readonly eventsDeleted: number
}

type Pending = Pick<CommandRow, 'storeId' | 'id' | 'kind' | 'payload'>

// Payloads are written by `enqueue` only.
const toCommand = ({ storeId, id, kind, payload }: Pending): Command =>
  ({ ...(payload as object), storeId, id, kind }) as Command

export type Outbox = ReturnType<typeof createOutbox>

/** The table of what was decided here and must still be told. A command is written in the transaction that decides it. */
export function createOutbox({
  prisma,
  clock,
}: {
  readonly prisma: PrismaClient
  readonly clock: () => Date
}) {
  const pending = (condition: Prisma.Sql): Promise<Pending[]> => prisma.$queryRaw<Pending[]>`
    SELECT store_id AS "storeId", id, kind, payload FROM outbox
    WHERE delivered_at IS NULL AND COALESCE((payload->>'dueAt')::timestamptz <= ${clock()}, true) AND ${condition}`

  return {
    async enqueue(tx: Db, storeId: number, { kind, ...payload }: CommandPayload): Promise<CommandRef> {
      return await tx.command.create({
        data: { storeId, kind, payload, createdAt: clock() },
        select: { storeId: true, id: true },
      })
    },

    /** The first of a store's commands that are due, in their order. */
    async due(storeId: number, through: bigint): Promise<Command[]> {
      const rows = await pending(Prisma.sql`store_id = ${storeId} AND id <= ${through} ORDER BY id LIMIT 100`)
      return rows.map(toCommand)
    },

    /** Stores for which something is due, and their last such command. */
    lastDue: (): Promise<CommandRef[]> => prisma.$queryRaw<CommandRef[]>`
      SELECT store_id AS "storeId", max(id) AS id FROM outbox
      WHERE delivered_at IS NULL AND COALESCE((payload->>'dueAt')::timestamptz <= ${clock()}, true)
      GROUP BY store_id ORDER BY min(id) LIMIT 1000`,

    /** The last command that is due for a store, if any. */
    async lastDueOf(storeId: number): Promise<CommandRef | undefined> {
      const [row] = await pending(Prisma.sql`store_id = ${storeId} ORDER BY id DESC LIMIT 1`)
      return row
    },

    /** A user's erasure that is not done. @param storeId null: whatever the store */
    async pendingErasure(storeId: number | null, userId: string): Promise<CommandRef | undefined> {
      const [row] = await pending(
        Prisma.sql`kind = 'ERASE_USER' AND payload->>'userId' = ${userId}
          AND (${storeId}::int IS NULL OR store_id = ${storeId}::int) LIMIT 1`,
      )
      return row
    },

    async pendingStoreDeletion(db: Db, storeId: number): Promise<CommandRef | null> {
      return await db.command.findFirst({
        where: { storeId, kind: 'DELETE_STORE', deliveredAt: null },
        select: { storeId: true, id: true },
      })
    },

    async pendingKeyRevocation(storeId: number, keyId: string): Promise<CommandRef | undefined> {
      const [row] = await pending(
        Prisma.sql`store_id = ${storeId} AND kind = 'KEY_REVOKED' AND payload->>'keyId' = ${keyId} LIMIT 1`,
      )
      return row
    },

    /** What a command has done, or undefined while it is not delivered. */
    async resultOf({ storeId, id }: CommandRef): Promise<CommandResult | undefined> {
      const row = await prisma.command.findUnique({ where: { storeId_id: { storeId, id } } })
      if (row?.deliveredAt == null) return undefined
      return { usersDeleted: 0, eventsDeleted: 0, ...(row.result as Partial<CommandResult> | null) }
    },

    async addUsersDeleted(tx: Db, { storeId, id }: CommandRef, count: number): Promise<void> {
      await tx.$executeRaw`
        UPDATE outbox SET result = jsonb_build_object(
          'usersDeleted', COALESCE((result->>'usersDeleted')::int, 0) + ${count}::int)
        WHERE store_id = ${storeId} AND id = ${id}`
    },

    async settle(tx: Db, { storeId, id }: CommandRef, eventsDeleted: number): Promise<void> {
      await tx.$executeRaw`
        UPDATE outbox SET delivered_at = ${clock()}, attempts = attempts + 1,
          result = COALESCE(result, '{}') || jsonb_build_object('eventsDeleted', ${eventsDeleted}::bigint)
        WHERE store_id = ${storeId} AND id = ${id} AND delivered_at IS NULL`
    },

    async countFailure({ storeId, id }: CommandRef): Promise<void> {
      await prisma.command.update({
        where: { storeId_id: { storeId, id } },
        data: { attempts: { increment: 1 } },
      })
    },
  }
}
