import { createParameters } from '../query/sql-parameters.ts'
import type { Snapshot } from '../query/snapshot.ts'
import type { Parted } from '../series/measure.ts'
import { finite, type MeasuredStatistics, type StatisticsOf } from '../series/statistics.ts'
import type { ColumnarSession } from './columnar-store.ts'
import { DeclinedError } from './declined.ts'
import { columnOf, numberOf, type Row } from './protocol.ts'
import { createValues, daysWanted, factsSql, pathKey } from './sql.ts'

/** Decimal places of a number as it is written. */
const scaleOf = (column: string): string =>
  `CASE WHEN contains(${column}, '.') THEN length(${column}) - strpos(${column}, '.') ELSE 0 END`

/** The values at the places of a sorted list that a percentile lies between. */
const betweenSql = (fraction: number): string => {
  const at = `('${String(fraction)}'::DOUBLE * (count - 1))`
  return `[sorted[1 + floor(${at})::BIGINT], sorted[1 + ceil(${at})::BIGINT]]`
}

/**
 * Statistics as PostgreSQL computes them: sums are exact decimals, percentiles are interpolated between
 * doubles.
 *
 * @throws DeclinedError where numbers have too many digits for that
 */
export function columnarStatistics(
  session: ColumnarSession,
  snapshot: Snapshot,
  request: Parted,
  { path, fractions }: StatisticsOf,
): Promise<MeasuredStatistics[]> {
  const { selection, bounds, groups } = request
  const paths = [path, ...(groups?.grouping.by === 'DATA' ? [groups.grouping.path] : [])]
  const wanted = daysWanted(selection, bounds[0] ?? 0, bounds.at(-1) ?? 0, paths)
  const key = pathKey(path)
  const columns = `${numberOf(key).double} AS number, ${numberOf(key).decimal} AS exact, ${scaleOf(columnOf(key))} AS scale`
  return session.read(snapshot, wanted, async (files, run) => {
    if (files.length === 0) return []
    const values = createValues()
    const facts = factsSql(files, request, columns, values)
    const rows = await run(
      `SELECT * EXCLUDE (sorted), [${fractions.map(betweenSql).join(', ')}] AS percentiles FROM (
         SELECT part, grp, count(*) AS count, count(exact) AS exact_count, sum(exact)::VARCHAR AS sum,
                max(scale) AS scale, min(number) AS min, max(number) AS max,
                ${fractions.length === 0 ? 'NULL' : 'list_sort(list(number))'} AS sorted
         FROM (${facts}) WHERE number IS NOT NULL GROUP BY GROUPING SETS ((part, grp), (grp))
       )`,
      values.list,
    )
    if (rows.some((row) => row['count'] !== row['exact_count']))
      throw new DeclinedError('numbers of many digits')
    const sums = rows.map(({ sum, scale }) => withScale(String(sum), Number(scale)))
    const means = await divide(snapshot, sums, rows)
    return rows.map((row, at) => ({
      part: row['part'] === null ? null : Number(row['part']) - 1,
      group: Number(row['grp']),
      statistics: {
        count: Number(row['count']),
        sum: finite(sums[at]),
        mean: finite(means[at]),
        min: finite(row['min'] as number),
        max: finite(row['max'] as number),
        percentiles: fractions.map((fraction, index) => ({
          fraction,
          value: finite(interpolate(fraction, Number(row['count']), (row['percentiles'] as Pair[])[index])),
        })),
      },
    }))
  })
}

type Pair = readonly [low: number, high: number]

function interpolate(fraction: number, count: number, [low, high]: Pair = [NaN, NaN]): number {
  const at = fraction * (count - 1)
  return low === high ? low : low + (at - Math.floor(at)) * (high - low)
}

/** A decimal of six places with as many as the numbers had that it is the sum of. */
const withScale = (sum: string, scale: number): string =>
  sum.slice(0, sum.length - (scale === 0 ? 7 : 6 - scale))

/** Divides decimals as PostgreSQL does, to the digit. */
async function divide(snapshot: Snapshot, sums: readonly string[], rows: readonly Row[]): Promise<string[]> {
  const parameters = createParameters()
  const counts = rows.map((row) => row['count'])
  const quotients = await snapshot.rows<{ mean: string }>(
    `SELECT (s.sum / s.count)::text AS mean
     FROM unnest(${parameters.add(sums)}::numeric[], ${parameters.add(counts)}::numeric[]) WITH ORDINALITY AS s(sum, count, at)
     ORDER BY s.at`,
    parameters,
  )
  return quotients.map(({ mean }) => mean)
}
