import type { Pool } from 'pg'
import { badInput, requireAdmin, type Acting } from '@user-stats/service'
import type { Access } from '../access/access.ts'
import type { Audit } from '../audit/audit.ts'
import { inSnapshot } from '../retention/snapshot.ts'
import { recountText } from './recount.ts'

export interface RollupCounts {
  readonly events: number
  readonly users: number
}

export interface RollupDifference {
  readonly storeId: number
  readonly rollup: 'TYPE_DAY_TOTALS' | 'DAY_TOTALS' | 'USER_TYPE_DAYS' | 'USER_DAYS'
  readonly date: string
  readonly type: string | null
  readonly userId: string | null
  readonly recounted: RollupCounts
  readonly held: RollupCounts
}

export interface RollupVerification {
  readonly asOf: Date
  readonly checkedDays: number
  readonly skippedDays: number
  readonly eventsCounted: number
  readonly consistent: boolean
  readonly differenceCount: number
  readonly differences: readonly RollupDifference[]
}

export interface VerificationOptions {
  readonly pool: Pool
  readonly access: Access
  readonly audit: Audit
  readonly clock: () => Date
  /** Milliseconds a recount may take. */
  readonly timeout: number
}

interface Recount {
  readonly events: string
  readonly days: string
  readonly differences: string
  readonly first: readonly RollupDifference[]
}

const maxDays = 400
const maxDifferences = 1_000
const dayMs = 86_400_000

function checkRange(from: string, to: string): void {
  const days = (Date.parse(to) - Date.parse(from)) / dayMs
  if (days < 1) throw badInput('to', 'must be after from')
  if (days > maxDays) throw badInput('to', `must not be more than ${String(maxDays)} days after from`)
}

export type Verification = ReturnType<typeof createVerification>

/** Recounts raw events and compares them with the rollups. */
export function createVerification({ pool, access, audit, clock, timeout }: VerificationOptions) {
  return {
    /**
     * @param storeId null: all stores
     * @param from the first day
     * @param to the day after the last
     * @throws FORBIDDEN for all but admins, BAD_USER_INPUT for the range, QUERY_TOO_EXPENSIVE when it takes too long
     */
    async verify(
      acting: Acting,
      storeId: number | null,
      from: string,
      to: string,
    ): Promise<RollupVerification> {
      const { caller } = acting
      requireAdmin(caller)
      checkRange(from, to)
      await access.admit(caller, storeId)
      const recordIds = storeId === null ? [] : [String(storeId)]
      await audit.record(pool, acting, { action: 'ROLLUPS_VERIFIED', storeId, recordIds })
      return await inSnapshot(pool, timeout, async (client) => {
        const { rows: gone } = await client.query<{ from: string; skipped: string }>(
          `SELECT greatest($2::date, max(every.raw_from))::text AS from,
                  count(*) FILTER (WHERE d.day < greatest(every.raw_from, own.raw_from)) AS skipped
           FROM (SELECT 0 AS store_id) all_stores
           LEFT JOIN retention every ON every.store_id = all_stores.store_id
           LEFT JOIN day_totals d
             ON d.day >= $2::date AND d.day < $3::date AND ($1::int IS NULL OR d.store_id = $1)
           LEFT JOIN retention own ON own.store_id = d.store_id`,
          [storeId, from, to],
        )
        const asOf = clock()
        const { rows } = await client.query<Recount>(recountText, [
          storeId,
          gone[0]?.from ?? from,
          to,
          maxDifferences,
        ])
        const [recount] = rows
        if (recount === undefined) throw new Error('the recount answered nothing')
        return {
          asOf,
          checkedDays: Number(recount.days),
          skippedDays: Number(gone[0]?.skipped ?? 0),
          eventsCounted: Number(recount.events),
          consistent: recount.differences === '0',
          differenceCount: Number(recount.differences),
          differences: recount.first,
        }
      })
    },
  }
}
