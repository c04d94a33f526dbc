import { hourMs } from '@user-stats/core'
import {
  Prisma,
  type Command as CommandRow,
  type CommandKind,
  type PrismaClient,
} from '@user-stats/prisma-users'
import type { Db } from '../database/transaction.ts'

/** A command for the events service. */
export type CommandPayload =
  | { readonly kind: 'STORE_ACCESS'; readonly state: 'ACTIVE' | 'BLOCKED' | 'DELETED' }
  /** @property dueAt from when on (RFC 3339); absent: at once */
  | { readonly kind: 'KEY_REVOKED'; readonly keyId: string; readonly dueAt?: string }
  /** @property events absent in commands of versions without the choice: they are deleted */
  | { readonly kind: 'ERASE_USER'; readonly userId: string; readonly events?: 'ERASE' | 'ANONYMISE' }
  | { readonly kind: 'DELETE_STORE' }
  | {
      readonly kind: 'STORE_SETTINGS'
      readonly retentionDays: number | null
      /** Absent in commands of versions without this setting. */
      readonly refuseEmailLikeData?: boolean
      /** Absent in commands of versions without this setting. */
      readonly analystDataPaths?: readonly string[] | null
    }

/** The primary key of a command. */
export interface CommandRef {
  readonly storeId: number
  readonly id: bigint
}

/**
 * Erasures take long, and changes of access must not wait behind them. They do not depend on each other, so
 * each queue keeps its own order.
 */
export type CommandQueue = 'ACCESS' | 'ERASURE'

export const queueOf = (kind: CommandKind): CommandQueue =>
  kind === 'ERASE_USER' || kind === 'DELETE_STORE' ? 'ERASURE' : 'ACCESS'

/** A command and its queue. */
export interface QueuedRef extends CommandRef {
  readonly queue: CommandQueue
}

export type Command = CommandRef & CommandPayload

type Pending = Pick<CommandRow, 'storeId' | 'id' | 'kind' | 'payload'>

// Payloads are written by `enqueue` only.
const toCommand = ({ storeId, id, kind, payload }: Pending): Command =>
  ({ ...(payload as object), storeId, id, kind }) as Command

const toRef = ({ storeId, id, kind }: Omit<Pending, 'payload'>): QueuedRef => ({
  storeId,
  id,
  queue: queueOf(kind),
})

const inQueue = (queue: CommandQueue): Prisma.Sql =>
  Prisma.sql`(kind IN ('ERASE_USER', 'DELETE_STORE')) = ${queue === 'ERASURE'}`

/** Rejections after which a command is parked, so that it no longer blocks later ones. */
const maxRefusals = 10
/** Milliseconds until a parked command is retried. */
const parkedFor = hourMs

export type Outbox = ReturnType<typeof createOutbox>

/**
 * The outbox: commands that are not delivered yet. A command is written in the transaction that decided it.
 */
export function createOutbox({
  prisma,
  clock,
}: {
  readonly prisma: PrismaClient
  readonly clock: () => Date
}) {
  const pending = (condition: Prisma.Sql): Promise<Pending[]> => prisma.$queryRaw<Pending[]>`
    SELECT store_id AS "storeId", id, kind, payload FROM outbox WHERE delivered_at IS NULL AND ${condition}`
  const notAside = (now: Date): Prisma.Sql => Prisma.sql`COALESCE(set_aside_until <= ${now}, true)`

  return {
    async enqueue(tx: Db, storeId: number, { kind, ...payload }: CommandPayload): Promise<QueuedRef> {
      const row = await tx.command.create({
        data: { storeId, kind, payload, createdAt: clock() },
        select: { storeId: true, id: true, kind: true },
      })
      return toRef(row)
    },

    /** The first pending commands in a queue of a store, in order; the last one even if it is parked. */
    async due({ storeId, id: last, queue }: QueuedRef): Promise<Command[]> {
      const now = clock()
      const rows = await pending(
        Prisma.sql`store_id = ${storeId} AND ${inQueue(queue)} AND id <= ${last}
          AND (${notAside(now)} OR id = ${last}) ORDER BY id LIMIT 100`,
      )
      return rows.map(toCommand)
    },

    /** Stores with pending commands in a queue, and their last such command. */
    async lastDue(queue: CommandQueue): Promise<QueuedRef[]> {
      const now = clock()
      const rows = await prisma.$queryRaw<CommandRef[]>`
        SELECT store_id AS "storeId", max(id) AS id FROM outbox
        WHERE delivered_at IS NULL AND ${inQueue(queue)} AND ${notAside(now)}
        GROUP BY store_id ORDER BY min(id) LIMIT 1000`
      return rows.map((row) => ({ ...row, queue }))
    },

    /** The newest pending command about a store's access. */
    async pendingAccess(storeId: number): Promise<QueuedRef | undefined> {
      const [row] = await pending(
        Prisma.sql`store_id = ${storeId} AND kind = 'STORE_ACCESS' ORDER BY id DESC LIMIT 1`,
      )
      return row && toRef(row)
    },

    async pendingKeyRevocation(storeId: number, keyId: string): Promise<QueuedRef | undefined> {
      const [row] = await pending(
        Prisma.sql`store_id = ${storeId} AND kind = 'KEY_REVOKED' AND payload->>'keyId' = ${keyId}
          ORDER BY id DESC LIMIT 1`,
      )
      return row && toRef(row)
    },

    async isDelivered({ storeId, id }: CommandRef): Promise<boolean> {
      const row = await prisma.command.findUnique({ where: { storeId_id: { storeId, id } } })
      return row?.deliveredAt != null
    },

    async markDelivered(tx: Db, { storeId, id }: CommandRef): Promise<void> {
      await tx.command.updateMany({
        where: { storeId, id, deliveredAt: null },
        data: { deliveredAt: clock(), setAsideUntil: null, attempts: { increment: 1 } },
      })
    },

    /** Counts a failed attempt. A command that is rejected repeatedly is parked. */
    async countFailure(
      { storeId, id }: CommandRef,
      { code, refused }: { readonly code: string; readonly refused: boolean },
    ): Promise<void> {
      const until = new Date(clock().getTime() + parkedFor)
      await prisma.$executeRaw`
        UPDATE outbox SET attempts = attempts + 1, refusals = refusals + ${refused ? 1 : 0}::int,
          last_error = ${code.slice(0, 64)},
          set_aside_until = CASE WHEN ${refused} AND refusals + 1 >= ${maxRefusals}::int THEN ${until}
            ELSE set_aside_until END
        WHERE store_id = ${storeId} AND id = ${id} AND delivered_at IS NULL`
    },
  }
}
