import type { Experimental_DidResolveQueryPlanCallback } from '@apollo/gateway'
import type { RequestContext } from '@user-stats/graphql'

export type QueryPlan = Parameters<Experimental_DidResolveQueryPlanCallback>[0]['queryPlan']
export type PlanNode = Exclude<NonNullable<QueryPlan['node']>, { readonly kind: 'Subscription' }>
export type FetchNode = Extract<PlanNode, { readonly kind: 'Fetch' }>

/** An operation of a query plan, for one subgraph. */
export interface PlannedOperation {
  readonly query: string
  readonly operationName: string | undefined
  readonly variables: Readonly<Record<string, unknown>>
}

export interface SubgraphResponse {
  readonly status: number
  readonly text: string
}

/** Sends an operation to a subgraph by name. @returns undefined when there was no response */
export type ForwardTo = (
  subgraph: string,
  operation: PlannedOperation,
  context: RequestContext,
) => Promise<SubgraphResponse | undefined>

/** Whether a fetch sends and returns its selection unchanged: no rewrites, nothing deferred. */
export const isPlainFetch = ({
  inputRewrites,
  outputRewrites,
  contextRewrites,
  hasDefers,
}: FetchNode): boolean =>
  hasDefers !== true &&
  [inputRewrites, outputRewrites, contextRewrites].every((rewrites) => (rewrites ?? []).length === 0)

/** Whether a response holds data and nothing else, as far as its text shows without being parsed. */
export const isDataOnly = ({ status, text }: SubgraphResponse): boolean =>
  status === 200 &&
  text.startsWith('{"data":{') &&
  // A field or value of that name only costs speed.
  !text.includes('"errors"') &&
  !text.includes('"extensions"')
