import type { Command as CommandRow, PrismaClient } from '@user-stats/prisma-users'
import {
  DomainError,
  requireAdmin,
  fromCursor,
  requireFirst,
  toPage,
  type Page,
  type PageRequest,
} from '@user-stats/core'
import { inTransaction } from '../../database/transaction.ts'
import type { Session } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'
import type { Delivery } from '../../outbox/deliver.ts'
import { queueOf, type CommandQueue } from '../../outbox/outbox-repository.ts'

export type CommandRecord = Omit<CommandRow, 'payload'>

export type Undelivered = ReturnType<typeof createUndelivered>

const omit = { payload: true } as const
const isId = (id: string): boolean => /^[1-9]\d{0,15}$/.test(id)

/** Commands that are not delivered yet, for admins. */
export function createUndelivered({
  prisma,
  audit,
  deliveries,
}: {
  readonly prisma: PrismaClient
  readonly audit: Audit
  readonly deliveries: Readonly<Record<CommandQueue, Delivery>>
}) {
  const find = (id: string): Promise<CommandRecord | null> =>
    prisma.command.findFirst({ where: { id: BigInt(id), deliveredAt: null }, omit })

  return {
    async page(
      session: Session,
      { setAside, first, after }: PageRequest & { readonly setAside: boolean },
    ): Promise<Page<CommandRecord>> {
      requireAdmin(await session.activeCaller())
      const limit = requireFirst(first)
      const from = after == null ? 0n : BigInt(fromCursor(after, isId))
      const rows = await prisma.command.findMany({
        where: { deliveredAt: null, id: { gt: from }, ...(setAside && { setAsideUntil: { not: null } }) },
        orderBy: { id: 'asc' },
        take: limit + 1,
        omit,
      })
      return toPage(rows, limit)
    },

    /**
     * @returns null when the events service has applied it, else the command
     * @throws NOT_FOUND when there is no such pending command
     */
    async retry(session: Session, id: string): Promise<CommandRecord | null> {
      requireAdmin(await session.activeCaller())
      const command = isId(id) ? await find(id) : null
      if (command === null)
        throw new DomainError('NOT_FOUND', { message: 'There is no pending command with this id.' })
      const { storeId } = command
      const record = { action: 'COMMAND_RETRIED', storeId, recordIds: [id] } as const
      await inTransaction(prisma, (tx) => audit.record(tx, session, record))
      const queue = queueOf(command.kind)
      await deliveries[queue].attempt({ storeId, id: command.id, queue })
      return await find(id)
    },
  }
}
