import { hourMs } from '@user-stats/core'
import type { Pool } from 'pg'
import { dayOfQuarterSql } from '../rollup/quarters.ts'
import { recountRange, type RollupDifference } from './range.ts'

export interface WholeVerification {
  readonly eventsCounted: number
  /** Recounted days, per store, and skipped ones, whose raw events are no longer kept. */
  readonly checkedDays: number
  readonly skippedDays: number
  readonly differenceCount: number
  /** The first differences. */
  readonly differences: readonly RollupDifference[]
}

export interface WholeOptions {
  readonly pool: Pool
  readonly clock: () => Date
  /** Called after each month. */
  readonly onMonth?: (month: string, done: number, of: number) => void
}

const named = 20

/** The first days of the months with any data, and of the month after. */
async function monthsOf(pool: Pool): Promise<string[]> {
  const { rows } = await pool.query<{ month: string }>(
    `WITH days AS (
       SELECT day FROM type_day_totals UNION ALL SELECT day FROM day_totals
       UNION ALL SELECT ${dayOfQuarterSql('quarter')} FROM quarter_totals
       UNION ALL SELECT day FROM user_type_days UNION ALL SELECT day FROM user_days
       UNION ALL SELECT (occurred_at AT TIME ZONE 'UTC')::date FROM events
     )
     SELECT generate_series(
       date_trunc('month', min(day)::timestamp), date_trunc('month', max(day)::timestamp) + '1 month', '1 month'
     )::date::text AS month FROM days`,
  )
  return rows.map(({ month }) => month)
}

/** Recounts everything, of all stores, month by month, and compares it with the rollups. */
export async function verifyAll({ pool, clock, onMonth }: WholeOptions): Promise<WholeVerification> {
  const months = await monthsOf(pool)
  const sum = { eventsCounted: 0, checkedDays: 0, skippedDays: 0, differenceCount: 0 }
  const differences: RollupDifference[] = []
  for (const [at, from] of months.slice(0, -1).entries()) {
    const part = await recountRange({ pool, clock, timeout: hourMs }, null, from, months[at + 1] ?? from)
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += part[key]
    differences.push(...part.differences.slice(0, named - differences.length))
    onMonth?.(from.slice(0, 7), at + 1, months.length - 1)
  }
  return { ...sum, differences }
}
