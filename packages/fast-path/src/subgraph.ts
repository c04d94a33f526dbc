import type { CreateEngine } from '@user-stats/graphql'
import type { GraphQLSchema } from 'graphql'
import { compileOperation } from './compile-operation.ts'
import { createOperationCache, type FastPathMode } from './operation-cache.ts'
import { settleListItems } from './settle-list-items.ts'

export { registerBatchRoute } from './batching/server-route.ts'
export type { FastPathMode }

/**
 * The engine of a subgraph, which executes operations on its own schema; undefined when the fast path is off.
 */
export function createSubgraphEngine(mode: FastPathMode, schema: GraphQLSchema): CreateEngine | undefined {
  if (mode === 'false') return undefined
  settleListItems(schema)
  return (tools) => createOperationCache({ ...tools, mode, compile: compileOperation })
}
