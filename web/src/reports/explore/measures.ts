import type { EventStatisticsInput, MeasuresFragment } from '../../../generated/graph/graphql.ts'
import type { ExploreMeasure } from '../search.ts'

/** What can be computed, by what it is called. */
export const exploreMeasureNames: Readonly<Record<ExploreMeasure, string>> = {
  events: 'Events',
  users: 'Users',
  eventsPerUser: 'Events per user',
  sum: 'Sum of a value',
  mean: 'Mean of a value',
  median: 'Median of a value',
  p95: '95th percentile of a value',
}

const isCount = (measure: ExploreMeasure): measure is 'events' | 'users' | 'eventsPerUser' =>
  ['events', 'users', 'eventsPerUser'].includes(measure)

/** What the graph is to compute of a path, if anything. */
export function statisticsFor(measure: ExploreMeasure, path: string): EventStatisticsInput | null {
  if (isCount(measure)) return null
  return { path, percentiles: measure === 'median' ? [0.5] : measure === 'p95' ? [0.95] : [] }
}

/** A measure of a period: 0 where there are no events, null where it is withheld. */
export function measureOf(period: MeasuresFragment, measure: ExploreMeasure): number | null {
  if (isCount(measure)) return period[measure] ?? (period.events === 0 ? 0 : null)
  const { statistics } = period
  const value =
    measure === 'sum' || measure === 'mean' ? statistics?.[measure] : statistics?.percentiles[0]?.value
  return value ?? (statistics != null || period.events === 0 ? 0 : null)
}
