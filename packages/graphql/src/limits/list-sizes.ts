import { dayMs } from '@user-stats/core'

/** The arguments of a field by name, as sent. */
type Arguments = Readonly<Record<string, unknown>>

/**
 * The multiplicity of fields below another one: the items of a list, or whether there is an object at all.
 */
export type ListSizes = Readonly<Record<string, number>>

/**
 * A unit of time in milliseconds, and the maximum number of them in a range: longer ranges are refused
 * elsewhere.
 */
const units: Readonly<Record<string, { readonly length: number; readonly most: number }>> = {
  HOUR: { length: dayMs / 24, most: 746 },
  DAY: { length: dayMs, most: 1_102 },
  WEEK: { length: 7 * dayMs, most: 524 },
  MONTH: { length: 28 * dayMs, most: 132 },
}

const membersOf = (value: unknown): Arguments =>
  typeof value === 'object' && value !== null ? (value as Arguments) : {}

const instantOf = (...values: readonly unknown[]): number => {
  const value = values.find((given) => given != null)
  return typeof value === 'string' ? Date.parse(value) : NaN
}

/** The number of parts of a range; 0 for an invalid range, which is refused when it is parsed. */
function partsOf(filter: unknown, granularity: unknown): number {
  const { from, fromDay, to, toDay } = membersOf(filter)
  const unit = units[String(granularity)]
  const start = instantOf(from, fromDay)
  const end = to == null && toDay == null ? Date.now() + dayMs : instantOf(to, toDay)
  if (unit === undefined || !(end > start)) return 0
  return Math.min(unit.most, Math.ceil((end - start) / unit.length) + 1)
}

const lengthOf = (value: unknown, absent: number): number =>
  Array.isArray(value) ? value.length : value == null ? absent : 1

const numberOf = (value: unknown): number => (typeof value === 'number' ? Math.max(0, value) : 0)

/**
 * Sizes of lists that follow from other arguments than `first`, `last` or `limit`: by field, the sizes of the
 * lists below it.
 */
export const listSizes: Readonly<Record<string, (given: Arguments) => ListSizes>> = {
  'Query.eventSeries': ({ filter, granularity, groupBy, statisticsOf, compareWithPrevious }) => ({
    points: partsOf(filter, granularity),
    groups: groupBy == null ? 0 : numberOf(membersOf(groupBy)['top'] ?? 10) + 1,
    statistics: statisticsOf == null ? 0 : 1,
    percentiles: lengthOf(membersOf(statisticsOf)['percentiles'], 4),
    previous: compareWithPrevious === true ? 1 : 0,
  }),
  'Query.funnel': ({ steps }) => ({ steps: lengthOf(steps, 0) }),
  'Query.retention': ({ filter, weeks }) => ({
    cohorts: partsOf(filter, 'WEEK'),
    weeks: numberOf(weeks ?? 8) + 1,
  }),
}
