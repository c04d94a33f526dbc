import type { CreateEngine } from '@user-stats/graphql'
import type { GraphQLSchema } from 'graphql'
import { createOperationBatcher } from './batching/operation-batcher.ts'
import { executeOnSubgraphs, type SupergraphVersion } from './gateway/execute-on-subgraphs.ts'
import { createForwarding } from './gateway/forwarding.ts'
import { createOperationCache, type FastPathMode } from './operation-cache.ts'

export { createForwarding, createOperationBatcher, executeOnSubgraphs }

interface SchemaVariant {
  /** The supergraph version that a schema belongs to. */
  readonly versionOf: (schema: GraphQLSchema) => SupergraphVersion
}

/** The fast path of a gateway; undefined when it is switched off. */
export function createGatewayFastPath(mode: FastPathMode) {
  if (mode === 'false') return undefined
  return {
    /** For the subgraph clients. */
    acceleration: { createBatcher: createOperationBatcher, createForwarding },
    /** For the graph server of a schema variant. */
    engine:
      ({ versionOf }: SchemaVariant): CreateEngine =>
      (tools) =>
        createOperationCache({
          ...tools,
          mode,
          compile: (operation) => executeOnSubgraphs(operation, versionOf(operation.schema)),
        }),
  }
}
