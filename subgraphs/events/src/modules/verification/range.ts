import type { Pool, PoolClient } from 'pg'
import { withQueryTimeout } from '@user-stats/prisma-events'
import { inSnapshot } from '../../database/snapshot.ts'
import { recountText } from './recount.ts'

export interface RollupCounts {
  readonly events: number
  readonly users: number
}

export interface RollupDifference {
  readonly storeId: number
  readonly rollup: 'TYPE_DAY_TOTALS' | 'QUARTER_TOTALS' | 'DAY_TOTALS' | 'USER_TYPE_DAYS' | 'USER_DAYS'
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

interface Recount {
  readonly events: string
  readonly days: string
  readonly differences: string
  readonly first: readonly RollupDifference[]
}

const maxDifferences = 1_000

export interface RecountOptions {
  readonly pool: Pool
  readonly clock: () => Date
  /** Maximum milliseconds of a recount. */
  readonly timeout: number
  /** Aborts it. */
  readonly signal?: AbortSignal
}

/**
 * Recounts a range of days and compares it with the rollups, in one snapshot.
 *
 * @param storeId null: all stores
 * @throws QUERY_TOO_EXPENSIVE when it takes too long
 */
export async function recountRange(
  { pool, clock, timeout, signal }: RecountOptions,
  storeId: number | null,
  from: string,
  to: string,
): Promise<RollupVerification> {
  const recount = async (client: PoolClient): Promise<RollupVerification> => {
    const { rows: swept } = await client.query<{ from: string; skipped: string }>(
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
    const values = [storeId, swept[0]?.from ?? from, to, maxDifferences]
    const { rows } = await client.query<Recount>(withQueryTimeout({ text: recountText, values }, timeout))
    const [found] = rows
    if (found === undefined) throw new Error('the recount answered nothing')
    return {
      asOf,
      checkedDays: Number(found.days),
      skippedDays: Number(swept[0]?.skipped ?? 0),
      eventsCounted: Number(found.events),
      consistent: found.differences === '0',
      differenceCount: Number(found.differences),
      differences: found.first,
    }
  }
  return await inSnapshot(pool, timeout, recount, signal)
}
