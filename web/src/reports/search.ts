import { granularities, isPreset, type Granularity, type Preset } from './range.ts'

/** A condition that every event of a report meets: on its type, or on a value of its data. */
export interface Filter {
  /** `type`, or a JSONPath of `data`. */
  readonly path: string
  /** As text, as the graph names groups. */
  readonly value: string
}

/** What the address of a report says; whatever is absent has its default. */
export interface ReportSearch {
  readonly store?: number
  readonly range?: Preset
  /** First and last day of the range `custom`. */
  readonly from?: string
  readonly to?: string
  readonly tz?: string
  readonly filters?: readonly Filter[]
  readonly granularity?: Granularity
  readonly measure?: Measure
  /** Path of the value that the breakdown groups by. */
  readonly by?: string
  readonly revenueType?: string
  readonly revenuePath?: string
  readonly table?: boolean
  /** Explore: what is computed, of which path, by what groups, and how it is drawn. */
  readonly show?: ExploreMeasure
  readonly path?: string
  readonly group?: string
  readonly kind?: ChartKind
  /** Funnel: types, one after the other, within so many days. */
  readonly steps?: readonly string[]
  readonly within?: number
}

export const exploreMeasures = ['events', 'users', 'eventsPerUser', 'sum', 'mean', 'median', 'p95'] as const
export type ExploreMeasure = (typeof exploreMeasures)[number]
export const chartKinds = ['line', 'bar', 'stacked'] as const
export type ChartKind = (typeof chartKinds)[number]

export const measures = ['events', 'users', 'eventsPerUser', 'revenue'] as const
export type Measure = (typeof measures)[number]

const isDay = (value: unknown): value is string =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value)
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= 300

const oneOf = <Value extends string>(values: readonly Value[], value: unknown): Value | undefined =>
  values.find((one) => one === value)

function isFilter(value: unknown): value is Filter {
  if (typeof value !== 'object' || value === null || !('path' in value) || !('value' in value)) return false
  return isText(value.path) && isText(value.value)
}

export function isTimeZone(value: unknown): value is string {
  if (typeof value !== 'string') return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: value })
    return true
  } catch {
    return false
  }
}

/** Reads an address; what cannot be understood has its default. */
export function parseReportSearch(search: Record<string, unknown>): ReportSearch {
  const {
    store,
    range,
    from,
    to,
    tz,
    filters,
    by,
    revenueType,
    revenuePath,
    table,
    path,
    group,
    steps,
    within,
  } = search
  const granularity = oneOf(granularities, search['granularity'])
  const measure = oneOf(measures, search['measure'])
  const show = oneOf(exploreMeasures, search['show'])
  const kind = oneOf(chartKinds, search['kind'])
  const known = Array.isArray(filters) ? filters.filter(isFilter) : []
  return {
    ...(Number.isInteger(store) && { store: store as number }),
    ...(isPreset(range) && { range }),
    ...(isDay(from) && { from }),
    ...(isDay(to) && { to }),
    ...(isTimeZone(tz) && { tz }),
    ...(known.length > 0 && { filters: known }),
    ...(granularity && { granularity }),
    ...(measure && { measure }),
    ...(isText(by) && { by }),
    ...(isText(revenueType) && { revenueType }),
    ...(isText(revenuePath) && { revenuePath }),
    ...(table === true && { table }),
    ...(show && { show }),
    ...(kind && { kind }),
    ...(isText(path) && { path }),
    ...(isText(group) && { group }),
    ...(Array.isArray(steps) && { steps: steps.filter(isText).slice(0, 10) }),
    ...(typeof within === 'number' && within > 0 && within <= 90 && { within }),
  }
}
