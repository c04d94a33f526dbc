import type { Parameters } from './sql-parameters.ts'

export const dayMs = 86_400_000

/** Whether all bounds are midnights UTC, so that daily rollups can answer for the parts. */
export const onUtcDays = (bounds: readonly number[]): boolean => bounds.every((bound) => bound % dayMs === 0)

/** The UTC day of an instant. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** A range of whole UTC days as SQL on tables that count by day. */
export const daysSql = (from: number, to: number, { add }: Parameters): string[] => [
  `day >= ${add(dayOf(from))}::date`,
  `day < ${add(dayOf(to))}::date`,
]
