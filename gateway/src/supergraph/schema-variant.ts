import { DomainError } from '@user-stats/core'
import type { GraphQLSchema } from 'graphql'
import type { Executor, GatewayInterface, SupergraphVersion } from './supergraph-version.ts'

/** The graph of one audience, whose version may be replaced while it is served. */
export interface SchemaVariant {
  /** For Apollo Server. */
  readonly gateway: GatewayInterface
  /** The version that an operation was validated against. */
  readonly versionOf: (schema: GraphQLSchema) => SupergraphVersion
}

export interface SchemaVariantOptions {
  readonly first: SupergraphVersion
  readonly onStart?: () => void
  readonly onStop?: () => void
}

export function createSchemaVariant({ first, onStart, onStop }: SchemaVariantOptions) {
  let current = first
  // A request in flight keeps the schema it was validated against, and with it that version's executor.
  const versions = new WeakMap<GraphQLSchema, SupergraphVersion>([[current.schema, current]])
  const listeners = new Set<(now: { apiSchema: GraphQLSchema; coreSupergraphSdl: string }) => void>()

  function versionOf(schema: GraphQLSchema): SupergraphVersion {
    const version = versions.get(schema)
    if (version === undefined) throw new DomainError('INTERNAL_SERVER_ERROR')
    return version
  }

  function notify(): void {
    for (const listener of listeners) listener({ apiSchema: current.schema, coreSupergraphSdl: current.sdl })
  }

  const gateway: GatewayInterface = {
    load: () => {
      notify()
      onStart?.()
      const executor: Executor = async (request) => await versionOf(request.schema).executor(request)
      return Promise.resolve({ executor })
    },
    onSchemaLoadOrUpdate: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    stop: () => {
      onStop?.()
      return Promise.resolve()
    },
  }
  return {
    gateway,
    versionOf,
    replace: (next: SupergraphVersion): void => {
      current = next
      versions.set(current.schema, current)
      notify()
    },
  }
}
