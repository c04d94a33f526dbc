import type { RequestContext, SerializedResult } from '@user-stats/graphql'
import type { Variables } from '../operation-cache.ts'
import type { ForwardTo } from './query-plan.ts'

/** Executes an operation without the gateway's executor. */
export interface ExecutionStrategy {
  /**
   * Whether variables must be validated here, because a subgraph accepts members that clients must not use.
   */
  readonly validatesVariables: boolean
  /** @returns undefined when a response holds more than data: then the gateway's executor takes over */
  readonly execute: (
    variables: Variables,
    context: RequestContext,
    forward: ForwardTo,
  ) => Promise<SerializedResult | undefined>
}
