import type { Caller } from '@user-stats/core'
import type { Access } from '../../access/access.service.ts'
import type { Disclosure } from '../privacy/small-cell-suppression.ts'
import type { AnalysisScope } from './analysis-queue.ts'
import type { OpenPath } from './analyst-paths.ts'
import type { AnalysisSnapshot } from './analysis-engine.ts'

/** The dependencies of every analysis. */
export interface AnalyticsDeps {
  readonly access: Access
  readonly clock: () => Date
  /** Paths of `data` that analysts may use in stores that set none. */
  readonly analystPaths: readonly OpenPath[]
  /** The rule for small cells. */
  readonly disclosureOf: (caller: Caller) => Disclosure | null
  /** Runs work in one snapshot, once there is a permit for it, within the time for analytics. */
  readonly snapshot: <T>(scope: AnalysisScope, work: (snapshot: AnalysisSnapshot) => Promise<T>) => Promise<T>
}
