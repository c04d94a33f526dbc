import type { EventSelection } from '../query/filter.ts'
import type { Groups } from './grouping.ts'
import { measure, type Ask } from './measure.ts'
import type { Range } from '../query/calendar-range.ts'
import type { Wanted } from '../query/requested-fields.ts'
import type { Snapshot } from '../query/snapshot.ts'
import { measureStatistics, noStatistics, type NumericStatistics, type StatisticsOf } from './statistics.ts'

/** What was counted from one instant until before another. */
export interface EventPeriod {
  readonly start: Date
  readonly end: Date
  /** Null, as all else, when it is of too few users for the caller. */
  readonly events: number | null
  readonly users: number | null
  readonly eventsPerUser: number | null
  readonly statistics: NumericStatistics | null
  readonly previous: EventPeriod | null
}

/** All parts of a range, and the range as a whole. */
export interface Periods {
  readonly points: readonly EventPeriod[]
  readonly totals: EventPeriod
}

export interface PeriodsRequest {
  readonly selection: EventSelection
  readonly range: Range
  readonly groups: Groups | null
  readonly statisticsOf: StatisticsOf | null
  readonly compare: boolean
  /** What is asked of these periods. */
  readonly wanted: Wanted
}

function askOf(wanted: Wanted, prefix: string): Ask {
  if (!wanted(prefix)) return 'nothing'
  return wanted(`${prefix}.users`) || wanted(`${prefix}.eventsPerUser`) ? 'users' : 'events'
}

type Counted = Pick<EventPeriod, 'events' | 'users' | 'statistics'>

/** Looks up what was counted in a part (null: the whole range) of a group. */
type Lookup = (part: number | null, group: number) => Counted

const keyOf = (part: number | null, group: number): string => `${String(part)} ${String(group)}`

async function count(
  snapshot: Snapshot,
  { selection, groups, statisticsOf, wanted }: PeriodsRequest,
  bounds: readonly number[],
  below: string,
): Promise<Lookup> {
  const request = { selection, bounds, groups }
  const counts = await measure(snapshot, {
    ...request,
    points: askOf(wanted, `points${below}`),
    totals: askOf(wanted, `totals${below}`),
  })
  const ofStatistics =
    wanted(`points${below}.statistics`) || wanted(`totals${below}.statistics`) ? statisticsOf : null
  const statistics = ofStatistics === null ? [] : await measureStatistics(snapshot, request, ofStatistics)
  const counted = new Map(counts.map((one) => [keyOf(one.part, one.group), one]))
  const numbers = new Map(statistics.map((one) => [keyOf(one.part, one.group), one.statistics]))
  return (part, group) => {
    // None and too few are told alike.
    const nobody = selection.disclosure === null ? 0 : null
    const { events = nobody, users = nobody } = counted.get(keyOf(part, group)) ?? {}
    const none = ofStatistics === null || nobody === null ? null : noStatistics(ofStatistics)
    return { events, users, statistics: numbers.get(keyOf(part, group)) ?? none }
  }
}

function toPeriod(start: number, end: number, counted: Counted, previous: EventPeriod | null): EventPeriod {
  const { events, users } = counted
  return {
    start: new Date(start),
    end: new Date(end),
    ...counted,
    eventsPerUser: events === null || users === null || users === 0 ? null : events / users,
    previous,
  }
}

/** Counts all parts of a range and the range as a whole. @returns the periods of a group by its number */
export async function countPeriods(
  snapshot: Snapshot,
  request: PeriodsRequest,
): Promise<(group: number) => Periods> {
  const { range, wanted } = request
  const compares = request.compare && (wanted('points.previous') || wanted('totals.previous'))
  const now = await count(snapshot, request, range.bounds, '')
  const before = compares ? await count(snapshot, request, range.previous, '.previous') : null
  const last = range.bounds.length - 1

  const between = (from: number, to: number, part: number | null, group: number): EventPeriod => {
    const period = (bounds: readonly number[], lookup: Lookup, previous: EventPeriod | null): EventPeriod =>
      toPeriod(bounds[from] ?? 0, bounds[to] ?? 0, lookup(part, group), previous)
    return period(range.bounds, now, before && period(range.previous, before, null))
  }
  return (group) => ({
    points: Array.from({ length: last }, (_, part) => between(part, part + 1, part, group)),
    totals: between(0, last, null, group),
  })
}
