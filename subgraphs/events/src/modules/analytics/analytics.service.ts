import type { Pool } from 'pg'
import type { Caller } from '@user-stats/core'
import type { Logger } from '@user-stats/http'
import type { Access } from '../access/access.service.ts'
import { createColumnarEngine } from './columnar/columnar-engine.ts'
import type { ColumnarStore } from './columnar/columnar-store.ts'
import { disclosureOf } from './privacy/small-cell-suppression.ts'
import { parseOpenPaths } from './query/analyst-paths.ts'
import type { AnalyticsDeps } from './query/analysis-context.ts'
import { postgresEngine } from './query/analysis-engine.ts'
import { createAnalysisQueue } from './query/analysis-queue.ts'
import { retention, type Retention, type RetentionRequest } from './cohort/cohort-retention.ts'
import { funnel, type Funnel, type FunnelRequest } from './funnel/funnel.ts'
import { eventSeries, type EventSeries, type SeriesRequest } from './series/series.ts'
import { eventProperties, type EventProperty, type PropertiesRequest } from './property/event-properties.ts'
import type { Wanted } from './query/requested-fields.ts'
import { readWithin } from './query/snapshot.ts'

export interface AnalyticsOptions {
  readonly pool: Pool
  readonly access: Access
  readonly clock: () => Date
  /** Maximum milliseconds of one analysis. */
  readonly timeout: number
  /** Maximum large analyses at a time. */
  readonly concurrency: number
  /** JSONPaths of `data` that analysts may use in stores that set none. */
  readonly analystPaths: readonly string[]
  /** Analysts see no cells with fewer distinct users. */
  readonly minCohort: number
  /** Copies of events in columns; null: PostgreSQL answers everything. */
  readonly columnar: ColumnarStore | null
  readonly log: Logger
}

export type Analytics = ReturnType<typeof createAnalytics>

/** Analyses beyond the daily aggregates. Each is exact and reads one snapshot. */
export function createAnalytics({
  pool,
  access,
  clock,
  timeout,
  concurrency,
  analystPaths,
  minCohort,
  columnar,
  log,
}: AnalyticsOptions) {
  const queue = createAnalysisQueue({ pool, concurrency })
  const deps: Omit<AnalyticsDeps, 'snapshot'> = {
    access,
    clock,
    analystPaths: parseOpenPaths('ANALYST_DATA_PATHS', analystPaths),
    disclosureOf: (caller) => disclosureOf(caller, minCohort),
  }
  /** The analyses of one request: an abort removes them from the queue and cancels their queries. */
  const depsOf = (caller: Caller, signal: AbortSignal): AnalyticsDeps => ({
    ...deps,
    snapshot: async (scope, work) => {
      using _permit = await queue.acquire(caller, scope, signal)
      // Before the snapshot: what is removed from then on is known to the session.
      await using session = columnar?.session(scope.stores)
      const engine = session
        ? createColumnarEngine({ session, otherwise: postgresEngine, log })
        : postgresEngine
      return await readWithin(pool, timeout, (snapshot) => work({ ...snapshot, engine }), signal)
    },
  })
  return {
    series: (
      caller: Caller,
      request: SeriesRequest,
      wanted: Wanted,
      signal: AbortSignal,
    ): Promise<EventSeries> => eventSeries(depsOf(caller, signal), caller, request, wanted),
    properties: (caller: Caller, request: PropertiesRequest, signal: AbortSignal): Promise<EventProperty[]> =>
      eventProperties(depsOf(caller, signal), caller, request),
    funnel: (caller: Caller, request: FunnelRequest, signal: AbortSignal): Promise<Funnel> =>
      funnel(depsOf(caller, signal), caller, request),
    retention: (caller: Caller, request: RetentionRequest, signal: AbortSignal): Promise<Retention> =>
      retention(depsOf(caller, signal), caller, request),
  }
}
