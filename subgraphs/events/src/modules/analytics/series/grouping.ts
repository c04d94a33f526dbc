import { badInput, parseDataPath, type DataPath } from '@user-stats/core'
import { valueAt } from '../query/conditions.ts'
import { eventsSql, scopeSql, type EventSelection } from '../query/filter.ts'
import { createParameters, type Parameters } from '../query/sql-parameters.ts'
import { areCountedByQuarters, daysSql, onUtcDays, quartersSql } from '../query/rollups.ts'
import { eventsFrom } from '../privacy/shown-events.ts'
import type { Snapshot } from '../query/snapshot.ts'

export interface GroupByInput {
  readonly by: 'TYPE' | 'STORE' | 'DATA'
  readonly path?: string | null | undefined
  readonly top?: number | undefined
}

/** The grouping of events. */
export type Grouping =
  | { readonly by: 'TYPE' | 'STORE'; readonly top: number }
  | { readonly by: 'DATA'; readonly path: DataPath; readonly top: number }

/** The groups beyond the top ones. */
export interface GroupsBeyondTop {
  readonly groups: number
  /** Null when they count too few users to be shown to the caller. */
  readonly events: number | null
}

/** The groups with the most events, and those beyond. */
export interface Groups {
  readonly grouping: Grouping
  /** Keys as text, the group with the most events first. */
  readonly keys: readonly (string | null)[]
  readonly beyondTop: GroupsBeyondTop
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

/** The number of a row's group as SQL: from 1 for the top ones, 0 for all others and without groups. */
export function groupSql(groups: Groups | null, parameters: Parameters): string {
  if (groups === null) return '0'
  const keys = parameters.add(groups.keys)
  return `coalesce(array_position(${keys}::text[], ${keySql(groups.grouping, parameters)}::text), 0)`
}

/** Finds the groups with the most events in a range; of equals, the one whose key comes first. */
export type LargestGroups = (
  snapshot: Snapshot,
  selection: EventSelection,
  range: readonly [from: number, to: number],
  grouping: Grouping,
) => Promise<Groups>

/** Reads totals where they have the answer, else events. */
export const largestGroups: LargestGroups = async (snapshot, selection, [from, to], grouping) => {
  const parameters = createParameters()
  const rolled = grouping.by !== 'DATA' && selection.conditions.length === 0 && onUtcDays([from, to])
  const { disclosure, conditions } = selection
  const perType = grouping.by === 'TYPE' || selection.types !== null || disclosure !== null
  const byData = grouping.by === 'DATA' || conditions.length > 0
  const counted =
    rolled && disclosure ? `FILTER (WHERE users >= ${parameters.add(disclosure.least)}::int)` : ''
  const byQuarters = !rolled && !byData && (await areCountedByQuarters(snapshot, selection, [from, to]))
  const rollup = (name: string, times: typeof daysSql) =>
    [
      name,
      `sum(events) ${counted}`,
      [...scopeSql(selection, parameters), ...times(from, to, parameters)],
    ] as const
  const raw = () =>
    [
      eventsFrom(selection, byData, [from, to], parameters),
      'count(*)',
      eventsSql(selection, from, to, parameters),
    ] as const
  const [table, count, where] = rolled
    ? rollup(perType ? 'type_day_totals' : 'day_totals', daysSql)
    : byQuarters
      ? rollup('quarter_totals', quartersSql)
      : raw()
  const rows = await snapshot.rows<{
    key: string | null
    events: string | null
    groups: string
    all: string | null
  }>(
    `SELECT key, events, count(*) OVER () AS groups, sum(events) OVER () AS "all" FROM (
       SELECT ${keySql(grouping, parameters)}::text AS key, ${count} AS events FROM ${table}
       WHERE ${where.join(' AND ')} GROUP BY 1
     ) sizes ORDER BY events DESC NULLS LAST, key COLLATE "C" LIMIT ${parameters.add(grouping.top)}::int`,
    parameters,
  )
  const groups = Number(rows[0]?.groups ?? 0) - rows.length
  const events = Number(rows[0]?.all ?? 0) - rows.reduce((sum, row) => sum + Number(row.events ?? 0), 0)
  const withheld = selection.disclosure !== null && events === 0
  return {
    grouping,
    keys: rows.map(({ key }) => key),
    beyondTop: { groups, events: withheld ? null : events },
  }
}
