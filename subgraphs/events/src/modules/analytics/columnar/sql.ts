import { dayMs } from '@user-stats/core'
import type { DataCondition } from '../query/conditions.ts'
import type { EventSelection } from '../query/filter.ts'
import { dayOf } from '../query/rollups.ts'
import type { Grouping, Groups } from '../series/grouping.ts'
import { readFiles } from './files-sql.ts'
import { columnOf, numberOf } from './protocol.ts'
import type { DaysWanted } from './refresh-segments.ts'

// SQL of the columnar engine. Texts are always parameters; numbers and names of columns stand in statements.

/** Texts of a statement, numbered as they are mentioned. */
export interface Values {
  readonly list: string[]
  readonly add: (text: string) => string
}

export function createValues(): Values {
  const list: string[] = []
  return { list, add: (text) => `$${String(list.push(text))}::VARCHAR` }
}

/** A path of `data` as the names of its columns are made from. */
export const pathKey = (steps: readonly unknown[]): string => JSON.stringify(steps.map(String))

/** The days that a selection may have events on within a range of instants. */
export const daysWanted = (
  { stores, conditions }: EventSelection,
  from: number | null,
  to: number,
  paths: readonly (readonly unknown[])[],
): DaysWanted => ({
  stores,
  from: from === null ? null : dayOf(from),
  to: dayOf(Math.ceil(to / dayMs) * dayMs - 1),
  paths: [...new Set([...conditions.map(({ steps }) => steps), ...paths].map(pathKey))],
})

/** A value of `data` as text; SQL's NULL for JSON's null and where there is none. */
const textOf = (column: string): string =>
  `CASE WHEN ${column} = 'null' THEN NULL WHEN ${column}[1] = '"' THEN json_extract_string(${column}, '$') ELSE ${column} END`

const double = (value: number): string => `'${String(value)}'::DOUBLE`

function equalsSql(path: string, value: unknown, { add }: Values): string {
  const column = columnOf(path)
  if (typeof value === 'string') return `(${column}[1] = '"' AND ${textOf(column)} = ${add(value)})`
  return typeof value === 'number'
    ? `${numberOf(path).double} = ${double(value)}`
    : `${column} = '${value === true ? 'true' : value === false ? 'false' : 'null'}'`
}

const comparisons = [
  ['greaterThan', '>'],
  ['greaterOrEqual', '>='],
  ['lessThan', '<'],
  ['lessOrEqual', '<='],
] as const

function conditionSql(condition: DataCondition, values: Values): string[] {
  const path = pathKey(condition.steps)
  const some = condition.in?.map((value) => equalsSql(path, value ?? null, values))
  return [
    ...(condition.equals == null ? [] : [equalsSql(path, condition.equals, values)]),
    ...(some === undefined ? [] : [`(${['false', ...some].join(' OR ')})`]),
    ...(condition.exists == null ? [] : [`${columnOf(path)} IS ${condition.exists ? 'NOT ' : ''}NULL`]),
    ...comparisons.flatMap(([name, operator]) => {
      const bound = condition[name]
      return bound == null ? [] : [`${numberOf(path).double} ${operator} ${double(bound)}`]
    }),
  ]
}

/** Types and conditions; without any: true. */
export const fitsSql = (
  { types, conditions }: Pick<EventSelection, 'types' | 'conditions'>,
  values: Values,
): string =>
  [
    'true',
    ...(types === null ? [] : [`type IN (${types.map(values.add).join(', ')})`]),
    ...conditions.flatMap((condition) => conditionSql(condition, values)),
  ].join(' AND ')

/** A selection and a range of instants. */
export const selectedSql = (selection: EventSelection, from: number, to: number, values: Values): string =>
  `ts >= ${String(from)} AND ts < ${String(to)} AND ${fitsSql(selection, values)}`

/** The number of the part an instant lies in, from 1 on: searched by halves. */
export function partSql(bounds: readonly number[], first = 1, last = bounds.length - 1): string {
  if (first >= last) return String(first)
  const middle = Math.floor((first + last) / 2)
  return `CASE WHEN ts < ${String(bounds[middle])} THEN ${partSql(bounds, first, middle)} ELSE ${partSql(bounds, middle + 1, last)} END`
}

/** The key of an event's group as text. */
export function keySql(grouping: Grouping): string {
  switch (grouping.by) {
    case 'TYPE':
      return 'type'
    case 'STORE':
      return 'store::VARCHAR'
    case 'DATA':
      return textOf(columnOf(pathKey(grouping.path)))
  }
}

/** Which events, cut into which parts, in which groups. */
interface Facts {
  readonly selection: EventSelection
  readonly bounds: readonly number[]
  readonly groups: Groups | null
}

/** Events with part and group. `columns` are what else is wanted of a row. */
export function factsSql(
  files: readonly string[],
  { selection, bounds, groups }: Facts,
  columns: string,
  values: Values,
): string {
  const keys = groups?.keys ?? []
  const [from = 0, to = 0] = [bounds[0], bounds.at(-1)]
  const rows = keys.map((key, at) => `(${key === null ? 'NULL' : values.add(key)}, ${String(at + 1)})`)
  const join =
    groups === null || keys.length === 0
      ? ''
      : `LEFT JOIN (VALUES ${rows.join(', ')}) named(key, number) ON ${keySql(groups.grouping)} IS NOT DISTINCT FROM named.key`
  return `SELECT ${partSql(bounds)} AS part, ${join === '' ? '0' : 'coalesce(named.number, 0)'} AS grp, ${columns}
          FROM ${readFiles(files)} ${join} WHERE ${selectedSql(selection, from, to, values)}`
}
