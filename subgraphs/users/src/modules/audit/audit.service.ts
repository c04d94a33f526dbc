import type { PrismaClient } from '@user-stats/prisma-users'
import { DomainError, requireAdmin, type PageRequest } from '@user-stats/core'
import {
  readAuditPage,
  recordAudit,
  statementsIn,
  type AuditFilter,
  type AuditRecord,
} from '@user-stats/audit-log'
import type { Db } from '../../database/transaction.ts'
import type { Session } from '../access/access.service.ts'
import { createReads } from './reads.ts'

export type Audit = ReturnType<typeof createAudit>

/** The audit log of stores, keys and users, and of personal data read by admins. */
export function createAudit({
  prisma,
  clock,
}: {
  readonly prisma: PrismaClient
  readonly clock: () => Date
}) {
  const recordBefore = (session: Session, record: AuditRecord): Promise<void> =>
    recordAudit(statementsIn(prisma), session, record, clock()).catch((cause: unknown) => {
      throw new DomainError('SERVICE_UNAVAILABLE', {
        message: 'Reading personal data is recorded, and that is not possible now. Try again soon.',
        cause,
      })
    })
  const reads = createReads((session, storeId, recordIds) =>
    recordBefore(session, { action: 'USERS_READ', storeId, recordIds }),
  )

  return {
    /**
     * Writes an entry in the transaction of the change. @param auditContext the request, or a command by its
     * name
     */
    record: (
      tx: Db,
      auditContext: Session | { readonly command: string },
      record: AuditRecord,
    ): Promise<void> => recordAudit(statementsIn(tx), auditContext, record, clock()),

    /**
     * Await this between reading personal data and returning it. Only reads of admins are recorded.
     *
     * @param storeId null when none was found
     * @param userIds empty when the search had no result
     * @throws SERVICE_UNAVAILABLE when it cannot be recorded
     */
    read: async (session: Session, storeId: number | null, userIds: readonly string[]): Promise<void> => {
      if (session.caller.role === 'ADMIN') await reads(session, storeId, userIds)
    },

    /**
     * Await this before returning all data about a user, to any caller.
     *
     * @throws SERVICE_UNAVAILABLE when it cannot be recorded
     */
    exported: (
      session: Session,
      { storeId, id }: { readonly storeId: number; readonly id: string },
    ): Promise<void> => recordBefore(session, { action: 'USER_EXPORTED', storeId, recordIds: [id] }),

    /** @throws FORBIDDEN for all but admins, BAD_USER_INPUT */
    async page(session: Session, filter: AuditFilter, page: PageRequest) {
      requireAdmin(await session.activeCaller())
      return await readAuditPage(statementsIn(prisma), filter, page)
    },
  }
}
