import type { RequestContext } from '@user-stats/graphql'
import type { Subgraph } from '../subgraphs/subgraph-data-source.ts'

/** A way to execute an operation past the gateway's own executor. */
export interface Way {
  /** Whether a subgraph on it would take variables that clients may not give. */
  readonly strict: boolean
  /** @returns undefined when what subgraphs answer is not plainly data: then the gateway is to execute it */
  readonly run: (
    variables: Readonly<Record<string, unknown>>,
    context: RequestContext,
    subgraphs: Readonly<Record<string, Subgraph>>,
  ) => Promise<{ readonly text: string } | undefined>
}
