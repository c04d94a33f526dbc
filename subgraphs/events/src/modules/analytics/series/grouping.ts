import { badInput } from '@user-stats/core'
import { valueAt } from '../query/conditions.ts'
import { parseDataPath, type DataPath } from '../query/data-path.ts'
import { eventsSql, scopeSql, type EventSelection } from '../query/filter.ts'
import { createParameters, type Parameters } from '../query/sql-parameters.ts'
import { daysSql, onUtcDays } from '../query/rollups.ts'
import { eventsFrom } from '../privacy/shown-events.ts'
import type { Snapshot } from '../query/snapshot.ts'

export interface GroupByInput {
  readonly by: 'TYPE' | 'STORE' | 'DATA'
  readonly path?: string | null | undefined
  readonly top?: number | undefined
}

/** By what events are grouped. */
export type Grouping =
  | { readonly by: 'TYPE' | 'STORE'; readonly top: number }
  | { readonly by: 'DATA'; readonly path: DataPath; readonly top: number }

/** The largest groups, and whether there are others. */
export interface Groups {
  readonly grouping: Grouping
  /** Keys as text, the largest group first. */
  readonly keys: readonly (string | null)[]
  readonly others: boolean
}

const maxGroups = 100

/** @throws BAD_USER_INPUT */
export function parseGrouping({ by, path, top = 10 }: GroupByInput): Grouping {
  if (top < 1 || top > maxGroups) throw badInput('groupBy.top', `must be 1 to ${String(maxGroups)}`)
  if (by === 'DATA') {
    if (path == null) throw badInput('groupBy.path', 'is required to group by a value of data')
    return { by, path: parseDataPath('groupBy.path', path), top }
  }
  if (path != null) throw badInput('groupBy.path', 'goes with DATA only')
  return { by, top }
}

/** The key of a row's group as SQL text. */
function keySql(grouping: Grouping, parameters: Parameters): string {
  switch (grouping.by) {
    case 'TYPE':
      return 'type'
    case 'STORE':
      return 'store_id::text'
    case 'DATA':
      return `(${valueAt(grouping.path, parameters)} #>> '{}')`
  }
}

/** The number of a row's group as SQL: from 1 on for the top ones, 0 for all others and where nothing is grouped. */
export function groupSql(groups: Groups | null, parameters: Parameters): string {
  if (groups === null) return '0'
  const keys = parameters.add(groups.keys)
  return `coalesce(array_position(${keys}::text[], ${keySql(groups.grouping, parameters)}::text), 0)`
}

/** Finds the groups with the most events in a range; of equals, the one whose key comes first. */
export async function largestGroups(
  snapshot: Snapshot,
  selection: EventSelection,
  [from, to]: readonly [number, number],
  grouping: Grouping,
): Promise<Groups> {
  const parameters = createParameters()
  const rolled = grouping.by !== 'DATA' && selection.conditions.length === 0 && onUtcDays([from, to])
  const { disclosure, conditions } = selection
  const perType = grouping.by === 'TYPE' || selection.types !== null || disclosure !== null
  const byData = grouping.by === 'DATA' || conditions.length > 0
  const counted =
    rolled && disclosure ? `FILTER (WHERE users >= ${parameters.add(disclosure.least)}::int)` : ''
  const [table, count, where] = rolled
    ? [
        perType ? 'type_day_totals' : 'day_totals',
        `sum(events) ${counted}`,
        [...scopeSql(selection, parameters), ...daysSql(from, to, parameters)],
      ]
    : [
        eventsFrom(selection, byData, [from, to], parameters),
        'count(*)',
        eventsSql(selection, from, to, parameters),
      ]
  const rows = await snapshot.rows<{ key: string | null }>(
    `SELECT key FROM (
       SELECT ${keySql(grouping, parameters)}::text AS key, ${count} AS events FROM ${table}
       WHERE ${where.join(' AND ')} GROUP BY 1
     ) sizes ORDER BY events DESC NULLS LAST, key COLLATE "C" LIMIT ${parameters.add(grouping.top + 1)}::int`,
    parameters,
  )
  const keys = rows.map(({ key }) => key)
  return { grouping, keys: keys.slice(0, grouping.top), others: keys.length > grouping.top }
}
