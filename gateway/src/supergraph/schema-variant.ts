import { DomainError } from '@user-stats/core'
import type { Execute, KnownOperation } from '@user-stats/graphql'
import type { GraphQLSchema } from 'graphql'
import type { Executor, GatewayInterface, Generation } from './supergraph-version.ts'
import { executeRemotely } from './execute-on-subgraphs.ts'

/** One audience's graph: what it sees now, and how its operations are executed. */
export interface View {
  /** For Apollo Server. */
  readonly gateway: GatewayInterface
  /** How operations that are known are executed. */
  readonly prepare: (operation: KnownOperation) => Execute
}

export interface ViewOptions {
  readonly first: Generation
  /** Whether operations that one subgraph can answer as they are may be handed on. */
  readonly passThrough: boolean
  readonly onStart: () => void
  readonly onStop: () => void
}

/** A graph whose content may be replaced while it is served. */
export function createView({ first, passThrough, onStart, onStop }: ViewOptions) {
  let current = first
  // Requests keep the schema they were validated against, and with it their gateway.
  const generations = new WeakMap<GraphQLSchema, Generation>([[current.schema, current]])
  const listeners = new Set<(now: { apiSchema: GraphQLSchema; coreSupergraphSdl: string }) => void>()

  function generationOf(schema: GraphQLSchema): Generation {
    const own = generations.get(schema)
    if (own === undefined) throw new DomainError('INTERNAL_SERVER_ERROR')
    return own
  }

  const announce = (listener: Parameters<typeof listeners.add>[0]): void => {
    listener({ apiSchema: current.schema, coreSupergraphSdl: current.sdl })
  }

  const view: View = {
    prepare: (operation) =>
      executeRemotely(operation, { generation: generationOf(operation.schema), passThrough }),
    gateway: {
      load: () => {
        for (const listener of listeners) announce(listener)
        onStart()
        const executor: Executor = async (request) => {
          return await generationOf(request.schema).executor(request)
        }
        return Promise.resolve({ executor })
      },
      onSchemaLoadOrUpdate: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      stop: () => {
        onStop()
        return Promise.resolve()
      },
    },
  }
  return {
    ...view,
    replace: (next: Generation): void => {
      current = next
      generations.set(current.schema, current)
      for (const listener of listeners) announce(listener)
    },
  }
}
