import type { AnalystPaths, OpenPath } from '../query/analyst-paths.ts'
import { valueAt } from '../query/conditions.ts'
import { instant, scopeSql, type EventSelection } from '../query/filter.ts'
import type { Parameters } from '../query/sql-parameters.ts'

const dayOfEvent = (alias: string): string => `(${alias}.occurred_at AT TIME ZONE 'UTC')::date`

/**
 * The values that divide events into cells, as SQL: those at all paths open to analysts of the event's store,
 * so that a store's cells do not depend on the other stores in a query.
 */
function cellSql({ own, others }: AnalystPaths, parameters: Parameters): string {
  const valuesAt = (paths: readonly OpenPath[]): string =>
    `ARRAY[${paths.map(({ steps }) => valueAt(steps, parameters)).join(', ')}]::jsonb[]`
  if (own.length === 0) return valuesAt(others)
  const cases = own.map(
    ({ stores, paths }) => `WHEN store_id = ANY (${parameters.add(stores)}::int[]) THEN ${valuesAt(paths)}`,
  )
  return `CASE ${cases.join(' ')} ELSE ${valuesAt(others)} END`
}

/**
 * The events shown to a caller, as an item of FROM with the name `events`: all, or those in cells of enough
 * users. With conditions on `data`, each type and day is divided into cells by the values at all paths that
 * may be queried. The events withheld of a day must then have enough users themselves, or they could be found
 * by subtraction: otherwise the smallest shown cell is withheld as well.
 *
 * @param range whole UTC days
 */
export function eventsFrom(
  { stores, types, disclosure, analystPaths }: EventSelection,
  byData: boolean,
  [from, to]: readonly [number, number],
  parameters: Parameters,
): string {
  if (disclosure === null) return 'events'
  const least = `${parameters.add(disclosure.least)}::int`
  if (!byData)
    return `(SELECT e.* FROM events e JOIN type_day_totals c
               ON c.store_id = e.store_id AND c.type = e.type AND c.day = ${dayOfEvent('e')} AND c.users >= ${least}
            ) events`
  const where = [
    ...scopeSql({ stores, types }, parameters),
    `occurred_at >= ${parameters.add(instant(from))}::timestamptz`,
    `occurred_at < ${parameters.add(instant(to))}::timestamptz`,
  ]
  return `(WITH cut AS MATERIALIZED (
      SELECT store_id, type, occurred_at, user_id, data, ${dayOfEvent('events')} AS day, ${cellSql(analystPaths, parameters)} AS cell
      FROM events WHERE ${where.join(' AND ')}
    ), cells AS MATERIALIZED (
      SELECT store_id, type, day, cell, count(*) AS users FROM (
        SELECT DISTINCT store_id, type, day, cell, user_id FROM cut
      ) users GROUP BY 1, 2, 3, 4
    ), withheld AS (
      SELECT store_id, type, day, count(DISTINCT user_id) AS users
      FROM cut JOIN cells USING (store_id, type, day, cell) WHERE cells.users < ${least} GROUP BY 1, 2, 3
    ), shown AS (
      SELECT store_id, type, day, cell,
             row_number() OVER (PARTITION BY store_id, type, day ORDER BY users, cell) AS rank
      FROM cells WHERE users >= ${least}
    )
    SELECT cut.* FROM cut JOIN shown USING (store_id, type, day, cell)
    LEFT JOIN withheld USING (store_id, type, day)
    WHERE withheld.users IS NULL OR withheld.users >= ${least} OR shown.rank > 1
  ) events`
}
