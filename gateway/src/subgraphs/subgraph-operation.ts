import type { GraphQLDataSourceProcessOptions } from '@apollo/gateway'
import type { Operation } from './subgraph-client.ts'

export type PlannedRequest = Pick<
  GraphQLDataSourceProcessOptions['request'],
  'query' | 'variables' | 'operationName'
>

// Planned by the gateway, so written by its planner.
const sharedPattern = /^(?:mutation\b|query[^{]*\{_entities\()/

/**
 * What a query plan asks of a subgraph. Mutations are carried out whether or not their client waits, and entities are
 * looked up by key. Other queries may take long, and end with the request that asked for them.
 */
export const toOperation = ({ query = '', variables, operationName }: PlannedRequest): Operation => ({
  query,
  operationName,
  variables: JSON.stringify(variables ?? {}),
  shared: sharedPattern.test(query),
})
