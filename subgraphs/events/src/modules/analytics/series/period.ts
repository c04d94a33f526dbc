import type { EventSelection } from '../query/filter.ts'
import type { Groups } from './grouping.ts'
import { measure, requireRaw, type CountKind } from './measure.ts'
import { nameOfAll, type PeriodName } from '../query/period-label.ts'
import type { Range } from '../query/calendar-range.ts'
import type { Wanted } from '../query/requested-fields.ts'
import type { AnalysisSnapshot } from '../query/analysis-engine.ts'
import { noStatistics, type NumericStatistics, type StatisticsOf } from './statistics.ts'

/** Counts of a period of time. */
export interface EventPeriod extends PeriodName {
  readonly start: Date
  readonly end: Date
  /** Null, like all else, when it counts too few users to be shown to the caller. */
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
  /** What to compute for these periods. */
  readonly wanted: Wanted
}

function countKindOf(wanted: Wanted, prefix: string): CountKind {
  if (!wanted(prefix)) return 'nothing'
  return wanted(`${prefix}.users`) || wanted(`${prefix}.eventsPerUser`) ? 'users' : 'events'
}

type Counted = Pick<EventPeriod, 'events' | 'users' | 'statistics'>

/** Looks up the counts of a part (null: the whole range) and group. */
type Lookup = (part: number | null, group: number) => Counted

const keyOf = (part: number | null, group: number): string => `${String(part)} ${String(group)}`

async function count(
  snapshot: AnalysisSnapshot,
  { selection, groups, statisticsOf, wanted }: PeriodsRequest,
  bounds: readonly number[],
  below: string,
): Promise<Lookup> {
  const request = { selection, bounds, groups }
  const requested = {
    ...request,
    points: countKindOf(wanted, `points${below}`),
    totals: countKindOf(wanted, `totals${below}`),
  }
  const counts = await measure(snapshot, requested, snapshot.engine.countUsers)
  const ofStatistics =
    wanted(`points${below}.statistics`) || wanted(`totals${below}.statistics`) ? statisticsOf : null
  if (ofStatistics !== null) await requireRaw(snapshot, selection, bounds[0] ?? 0, bounds.at(-1) ?? 0)
  const statistics =
    ofStatistics === null ? [] : await snapshot.engine.measureStatistics(snapshot, request, ofStatistics)
  const counted = new Map(counts.map((one) => [keyOf(one.part, one.group), one]))
  const numbers = new Map(statistics.map((one) => [keyOf(one.part, one.group), one.statistics]))
  return (part, group) => {
    // No users and too few users must look the same.
    const absent = selection.disclosure === null ? 0 : null
    const { events = absent, users = absent } = counted.get(keyOf(part, group)) ?? {}
    const none = ofStatistics === null || absent === null ? null : noStatistics(ofStatistics)
    return { events, users, statistics: numbers.get(keyOf(part, group)) ?? none }
  }
}

type Extent = Pick<EventPeriod, 'start' | 'end' | 'date' | 'label'>

/** The bounds and names of all parts of a range, and of the range as a whole. */
interface Extents {
  readonly parts: readonly Extent[]
  readonly whole: Extent
}

function extentsOf({ bounds, names }: Pick<Range, 'bounds' | 'names'>): Extents {
  const extent = (from: number, to: number, name: PeriodName): Extent => ({
    start: new Date(bounds[from] ?? 0),
    end: new Date(bounds[to] ?? 0),
    ...name,
  })
  return {
    parts: names.map((name, part) => extent(part, part + 1, name)),
    whole: extent(0, names.length, nameOfAll(names)),
  }
}

const toPeriod = (extent: Extent, counted: Counted, previous: EventPeriod | null): EventPeriod => ({
  ...extent,
  ...counted,
  eventsPerUser:
    counted.events === null || counted.users === null || counted.users === 0
      ? null
      : counted.events / counted.users,
  previous,
})

/** Counts all parts of a range and the range as a whole. @returns the periods of each group, by its number */
export async function countPeriods(
  snapshot: AnalysisSnapshot,
  request: PeriodsRequest,
): Promise<(group: number) => Periods> {
  const { range, wanted } = request
  const compares = request.compare && (wanted('points.previous') || wanted('totals.previous'))
  const now = await count(snapshot, request, range.bounds, '')
  const before = compares ? await count(snapshot, request, range.previous.bounds, '.previous') : null
  const [extents, earlier] = [extentsOf(range), extentsOf(range.previous)]

  const periodOf = (part: number | null, group: number): EventPeriod => {
    const period = ({ parts, whole }: Extents, lookup: Lookup, previous: EventPeriod | null): EventPeriod =>
      toPeriod(part === null ? whole : (parts[part] ?? whole), lookup(part, group), previous)
    return period(extents, now, before && period(earlier, before, null))
  }
  return (group) => ({
    points: extents.parts.map((_extent, part) => periodOf(part, group)),
    totals: periodOf(null, group),
  })
}
