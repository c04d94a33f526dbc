import { badInput, yieldTurn, type Caller } from '@user-stats/core'
import { requireWholeDays } from '../privacy/small-cell-suppression.ts'
import { authorizePaths } from '../query/analyst-paths.ts'
import type { AnalyticsDeps } from '../query/analysis-context.ts'
import { parseSelection, storesOf, type EventFilter } from '../query/filter.ts'
import { parseGrouping, type GroupByInput, type Grouping, type GroupsBeyondTop } from './grouping.ts'
import { countPeriods, type Periods } from './period.ts'
import { daysAround, parseRange, resolveRange, type Range } from '../query/calendar-range.ts'
import type { Unit } from '../query/period-label.ts'
import type { Wanted } from '../query/requested-fields.ts'
import { parseStatistics, type StatisticsInput } from './statistics.ts'
import { requireTimeZone } from '../query/time-zone.ts'

export type Granularity = 'HOUR' | 'DAY' | 'WEEK' | 'MONTH'

export interface SeriesRequest {
  readonly filter: EventFilter
  readonly granularity: Granularity
  readonly timeZone: string
  readonly groupBy?: GroupByInput | null | undefined
  readonly statisticsOf?: StatisticsInput | null | undefined
  readonly compareWithPrevious: boolean
}

export interface EventGroup extends Periods {
  readonly key: string | null
  readonly isOther: boolean
}

export interface EventSeries extends Periods {
  readonly asOf: Date
  readonly timeZone: string
  readonly granularity: Granularity
  readonly exact: true
  readonly from: Date
  readonly to: Date
  readonly groups: readonly EventGroup[]
  /** Null without groups. */
  readonly rankedBy: 'EVENTS' | null
  readonly beyondTop: GroupsBeyondTop | null
}

const granularities: Readonly<Record<Granularity, { readonly unit: Unit; readonly maxDays: number }>> = {
  HOUR: { unit: 'hour', maxDays: 31 },
  DAY: { unit: 'day', maxDays: 1_100 },
  WEEK: { unit: 'week', maxDays: 3_653 },
  MONTH: { unit: 'month', maxDays: 3_653 },
}
const maxGroupPoints = 20_000

function requireFewPoints({ bounds }: Range, grouping: Grouping): void {
  if ((bounds.length - 1) * (grouping.top + 1) > maxGroupPoints)
    throw badInput(
      'groupBy.top',
      'points of all groups together must be at most 20,000; request fewer groups or a shorter range',
    )
}

/**
 * Events, distinct users and statistics over time, in one snapshot.
 *
 * @param wanted the requested fields of the series; nothing else is computed
 * @throws BAD_USER_INPUT, RANGE_NOT_RETAINED, QUERY_TOO_EXPENSIVE and errors of access
 */
export async function eventSeries(
  { access, snapshot, clock, analystPaths, disclosureOf }: AnalyticsDeps,
  caller: Caller,
  { filter, granularity, groupBy, compareWithPrevious: compare, ...request }: SeriesRequest,
  wanted: Wanted,
): Promise<EventSeries> {
  const stores = storesOf(caller, filter)
  const disclosure = disclosureOf(caller)
  const parsed = parseSelection(stores, filter, disclosure)
  const grouping = groupBy == null ? null : parseGrouping(groupBy)
  const statisticsOf = request.statisticsOf == null ? null : parseStatistics(request.statisticsOf)
  const named = [
    ...parsed.conditions,
    ...(grouping?.by === 'DATA' ? [{ field: 'groupBy.path', steps: grouping.path }] : []),
    ...(statisticsOf === null ? [] : [{ field: 'statisticsOf.path', steps: statisticsOf.path }]),
  ]
  const timeZone = requireTimeZone(request.timeZone)
  requireWholeDays(disclosure, { timeZone, granularity, from: filter.from, to: filter.to })
  const { unit, maxDays } = granularities[granularity]
  const time = parseRange(filter, timeZone, clock(), maxDays)
  for (const store of stores ?? [null]) await access.assertActive(caller, store)

  return await snapshot({ stores, ...daysAround(time, compare) }, async (reading): Promise<EventSeries> => {
    const open = await authorizePaths(reading, caller, stores, named, analystPaths)
    const selection = { ...parsed, analystPaths: open }
    const range = await resolveRange(reading, time, timeZone, unit)
    if (grouping !== null) requireFewPoints(range, grouping)
    const [from = 0, to = 0] = [range.bounds[0], range.bounds.at(-1)]
    const common = { selection, range, statisticsOf, compare }
    const all = await countPeriods(reading, { ...common, groups: null, wanted })
    const groups: EventGroup[] = []
    const largest =
      grouping !== null && (wanted('groups') || wanted('beyondTop'))
        ? await reading.engine.largestGroups(reading, selection, [from, to], grouping)
        : null
    if (largest !== null && wanted('groups')) {
      const ofGroup = await countPeriods(reading, {
        ...common,
        groups: largest,
        wanted: (path) => wanted(`groups.${path}`),
      })
      for (const [at, key] of largest.keys.entries()) {
        groups.push({ key, isOther: false, ...ofGroup(at + 1) })
        await yieldTurn()
      }
      if (largest.beyondTop.groups > 0) groups.push({ key: null, isOther: true, ...ofGroup(0) })
    }
    return {
      asOf: range.asOf,
      timeZone,
      granularity,
      exact: true,
      from: new Date(from),
      to: new Date(to),
      ...all(0),
      groups,
      rankedBy: grouping === null ? null : 'EVENTS',
      beyondTop: largest?.beyondTop ?? null,
    }
  })
}
