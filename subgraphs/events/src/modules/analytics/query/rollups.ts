import { dayMs } from '@user-stats/core'
import { quarterMs } from '../../rollup/quarters.ts'
import { scopeSql, type EventSelection } from './filter.ts'
import type { Snapshot } from './snapshot.ts'
import { createParameters, type Parameters } from './sql-parameters.ts'

/** Whether all bounds are midnights UTC, so that daily rollups can answer for the parts. */
export const onUtcDays = (bounds: readonly number[]): boolean => bounds.every((bound) => bound % dayMs === 0)

/** The UTC day of an instant. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** A range of whole UTC days as SQL on tables that count by day. */
export const daysSql = (from: number, to: number, { add }: Parameters): string[] => [
  `day >= ${add(dayOf(from))}::date`,
  `day < ${add(dayOf(to))}::date`,
]

/** A range of whole quarters of an hour as SQL on the table that counts by them. */
export const quartersSql = (from: number, to: number, { add }: Parameters): string[] => [
  `quarter >= ${add(from / quarterMs)}::int`,
  `quarter < ${add(to / quarterMs)}::int`,
]

/**
 * Whether events, not users, between all of these bounds are counted by quarters of an hour: not what is
 * about `data` or withheld from the caller, and not days that are yet to be counted so.
 */
export async function areCountedByQuarters(
  snapshot: Snapshot,
  { stores, conditions, disclosure }: EventSelection,
  bounds: readonly number[],
): Promise<boolean> {
  if (conditions.length > 0 || disclosure !== null || bounds.some((bound) => bound % quarterMs !== 0))
    return false
  const parameters = createParameters()
  const [from = 0, to = 0] = [bounds[0], bounds.at(-1)]
  const where = [
    ...scopeSql({ stores, types: null }, parameters),
    ...daysSql(from, to + dayMs - 1, parameters),
  ]
  const rows = await snapshot.rows(
    `SELECT FROM day_totals WHERE quarter_events <> events AND ${where.join(' AND ')} LIMIT 1`,
    parameters,
  )
  return rows.length === 0
}
