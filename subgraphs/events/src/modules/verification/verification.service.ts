import type { EventsDb } from '@user-stats/prisma-events'
import { badInput, requireAdmin, dayMs } from '@user-stats/core'
import type { AuditContext } from '@user-stats/audit-log'
import type { Access } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'
import { recountRange, type RollupVerification } from './range.ts'

export interface VerificationOptions {
  readonly db: EventsDb
  readonly access: Access
  readonly audit: Audit
  readonly clock: () => Date
  /** Maximum milliseconds of a recount. */
  readonly timeout: number
}

const maxDays = 400

function checkRange(from: string, to: string): void {
  const days = (Date.parse(to) - Date.parse(from)) / dayMs
  if (days < 1) throw badInput('to', 'must be after from')
  if (days > maxDays) throw badInput('to', `must not be more than ${String(maxDays)} days after from`)
}

export type Verification = ReturnType<typeof createVerification>

/** Recounts raw events and compares them with the rollups. */
export function createVerification({ db, access, audit, clock, timeout }: VerificationOptions) {
  return {
    /**
     * @param storeId null: all stores
     * @param from the first day; to: the day after the last
     * @param signal ends the recount once it is aborted
     * @throws FORBIDDEN for all but admins, BAD_USER_INPUT for the range, QUERY_TOO_EXPENSIVE when it takes
     *   too long
     */
    async verify(
      auditContext: AuditContext,
      storeId: number | null,
      { from, to }: { readonly from: string; readonly to: string },
      signal: AbortSignal,
    ): Promise<RollupVerification> {
      const { caller } = auditContext
      requireAdmin(caller)
      checkRange(from, to)
      await access.assertActive(caller, storeId)
      const recordIds = storeId === null ? [] : [String(storeId)]
      await audit.record(db.prisma, auditContext, { action: 'ROLLUPS_VERIFIED', storeId, recordIds })
      return await recountRange({ pool: db.pool, clock, timeout, signal }, storeId, from, to)
    },
  }
}
