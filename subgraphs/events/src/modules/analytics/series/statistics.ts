import { badInput, parseDataPath, type DataPath } from '@user-stats/core'
import { numberSql, valueAt } from '../query/conditions.ts'
import { partedEvents, type Parted } from './measure.ts'
import { createParameters } from '../query/sql-parameters.ts'
import type { Snapshot } from '../query/snapshot.ts'

export interface StatisticsInput {
  readonly path: string
  readonly percentiles?: readonly number[] | undefined
}

/** The number whose statistics are computed. */
export interface StatisticsOf {
  readonly path: DataPath
  readonly fractions: readonly number[]
}

export interface NumericStatistics {
  readonly count: number
  readonly sum: number | null
  readonly mean: number | null
  readonly min: number | null
  readonly max: number | null
  readonly percentiles: readonly { readonly fraction: number; readonly value: number | null }[]
}

/** Statistics of one part (from 0) or, when null, of the whole range, in one group. */
export interface MeasuredStatistics {
  readonly part: number | null
  readonly group: number
  readonly statistics: NumericStatistics
}

const maxFractions = 20

/** @throws BAD_USER_INPUT */
export function parseStatistics({ path, percentiles = [] }: StatisticsInput): StatisticsOf {
  if (percentiles.length > maxFractions || percentiles.some((fraction) => !(fraction >= 0 && fraction <= 1)))
    throw badInput('statisticsOf.percentiles', `must be up to ${String(maxFractions)} fractions from 0 to 1`)
  return { path: parseDataPath('statisticsOf.path', path), fractions: percentiles }
}

/** Statistics without any number: the sum is 0, all else is null. */
export const noStatistics = ({ fractions }: StatisticsOf): NumericStatistics => ({
  count: 0,
  sum: 0,
  mean: null,
  min: null,
  max: null,
  percentiles: fractions.map((fraction) => ({ fraction, value: null })),
})

/** Values beyond double precision are null; JSON could not represent them. */
export const finite = (value: string | number | null | undefined): number | null => {
  const number = value == null ? NaN : Number(value)
  return Number.isFinite(number) ? number : null
}

interface Row {
  readonly part: number | null
  readonly grp: number
  readonly count: string
  readonly sum: string
  readonly mean: string
  readonly min: string
  readonly max: string
  readonly percentiles: (number | null)[]
}

/** Statistics per part and group and over the whole range. Where there is no number there is no row. */
export type MeasureStatistics = (
  snapshot: Snapshot,
  request: Parted,
  statisticsOf: StatisticsOf,
) => Promise<MeasuredStatistics[]>

/** Reads events in PostgreSQL. */
export const measureStatistics: MeasureStatistics = async (snapshot, request, { path, fractions }) => {
  const parameters = createParameters()
  const numbers = partedEvents(request, `${numberSql(valueAt(path, parameters))} AS number`, parameters, true)
  const rows = await snapshot.rows<Row>(
    // Sums are exact decimals; percentiles are interpolated between doubles.
    `SELECT part, grp, count(*), sum(number), avg(number) AS mean, min(number), max(number),
            percentile_cont(${parameters.add(fractions)}::float8[]) WITHIN GROUP (ORDER BY number::float8) AS percentiles
     FROM (${numbers}) numbers WHERE number IS NOT NULL GROUP BY GROUPING SETS ((part, grp), (grp))`,
    parameters,
  )
  return rows.map((row) => ({
    part: row.part === null ? null : row.part - 1,
    group: row.grp,
    statistics: {
      count: Number(row.count),
      sum: finite(row.sum),
      mean: finite(row.mean),
      min: finite(row.min),
      max: finite(row.max),
      percentiles: fractions.map((fraction, at) => ({ fraction, value: finite(row.percentiles[at]) })),
    },
  }))
}
