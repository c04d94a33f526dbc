import type { PrismaDb } from '@user-stats/prisma-events'
import {
  readAuditPage,
  recordAudit,
  statementsIn,
  type AuditContext,
  type AuditFilter,
  type AuditRecord,
} from '@user-stats/audit-log'
import { requireAdmin, type Caller } from '@user-stats/core'
import type { Access } from '../access/access.service.ts'

export type Audit = ReturnType<typeof createAudit>

/**
 * The audit log: who deleted, erased or verified what. Recording events is not part of it: they are the
 * statistics.
 */
export function createAudit({
  prisma,
  access,
  clock,
}: {
  readonly prisma: PrismaDb
  readonly access: Access
  readonly clock: () => Date
}) {
  return {
    /** Writes an entry: in the transaction of what it tells of, if that changes anything. */
    record: (tx: PrismaDb, acting: AuditContext, record: AuditRecord): Promise<void> =>
      recordAudit(statementsIn(tx), acting, record, clock()),

    /** @throws FORBIDDEN for all but admins, BAD_USER_INPUT */
    async page(
      caller: Caller,
      filter: AuditFilter,
      page: { readonly first: number; readonly after?: string | null },
    ) {
      requireAdmin(caller)
      await access.assertActive(caller, null)
      return await readAuditPage(statementsIn(prisma), filter, page)
    },
  }
}
