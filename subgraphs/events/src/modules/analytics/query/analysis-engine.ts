import { countCohorts, type CountCohorts } from '../cohort/count-cohorts.ts'
import { countFunnel, type CountFunnel } from '../funnel/count-funnel.ts'
import { largestGroups, type LargestGroups } from '../series/grouping.ts'
import { countUsers, type CountUsers } from '../series/measure.ts'
import { measureStatistics, type MeasureStatistics } from '../series/statistics.ts'
import type { Snapshot } from './snapshot.ts'

/** Counts what totals do not answer. Every engine gives the same answers, from the same snapshot. */
export interface AnalysisEngine {
  readonly countUsers: CountUsers
  readonly largestGroups: LargestGroups
  readonly measureStatistics: MeasureStatistics
  readonly countFunnel: CountFunnel
  readonly countCohorts: CountCohorts
}

/** What an analysis reads from. */
export interface AnalysisSnapshot extends Snapshot {
  readonly engine: AnalysisEngine
}

/** Counts rows of PostgreSQL. */
export const postgresEngine: AnalysisEngine = {
  countUsers,
  largestGroups,
  measureStatistics,
  countFunnel,
  countCohorts,
}
