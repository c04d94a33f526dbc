import { readFile } from 'node:fs/promises'
import { DomainError, type Execute, type KnownOperation, type Logger } from '@user-stats/service'
import type { GraphQLSchema } from 'graphql'
import type { Subgraph } from './data-source.ts'
import { createGeneration, type Executor, type GatewayInterface, type Generation } from './generation.ts'
import { executeRemotely } from './remote.ts'

export interface SupergraphOptions {
  /** The composed file. */
  readonly path: string
  /** Milliseconds between two looks at it. */
  readonly pollMs: number
  readonly dataSource: (subgraph: { readonly name: string; readonly url: string }) => Subgraph
  /** Whether operations that one subgraph can answer as they are may be handed on. */
  readonly passThrough: boolean
  readonly log: Logger
}

export interface Supergraph {
  /** For Apollo Server. */
  readonly gateway: GatewayInterface
  /** How operations that are known are executed. */
  readonly prepare: (operation: KnownOperation) => Execute
  /** What clients see now. */
  readonly schema: () => GraphQLSchema
}

/**
 * The supergraph of a file, and of whatever content the file has later. A content that is no supergraph is logged and
 * the graph stays as it is. The content is polled: watchers miss the second time a file is replaced.
 *
 * @throws Error, one line for the operator, when there is no supergraph to begin with
 */
export async function openSupergraph({
  path,
  pollMs,
  dataSource,
  passThrough,
  log,
}: SupergraphOptions): Promise<Supergraph> {
  const load = (sdl: string) => createGeneration({ sdl, dataSource, log })
  let current = await first(path, load)
  // Requests keep the schema they were validated against, and with it their gateway.
  const generations = new WeakMap<GraphQLSchema, Generation>([[current.schema, current]])
  const listeners = new Set<(now: { apiSchema: GraphQLSchema; coreSupergraphSdl: string }) => void>()
  let seen = current.sdl
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function generationOf(schema: GraphQLSchema): Generation {
    const own = generations.get(schema)
    if (own === undefined) throw new DomainError('INTERNAL_SERVER_ERROR')
    return own
  }

  const announce = (listener: Parameters<typeof listeners.add>[0]): void => {
    listener({ apiSchema: current.schema, coreSupergraphSdl: current.sdl })
  }

  async function look(): Promise<void> {
    const sdl = await readFile(path, 'utf8').catch(() => '')
    if (sdl === seen) return
    seen = sdl
    // Back to what is served, after something that was not valid.
    if (sdl === current.sdl) return
    try {
      current = await load(sdl)
    } catch (error) {
      log.error({ reason: reasonOf(error) }, 'the new supergraph is not valid; the old one stays')
      return
    }
    generations.set(current.schema, current)
    for (const listener of listeners) announce(listener)
    log.info('supergraph reloaded')
  }

  function schedule(): void {
    timer = setTimeout(() => {
      void look().finally(() => {
        if (!stopped) schedule()
      })
    }, pollMs).unref()
  }

  return {
    schema: () => current.schema,
    prepare: (operation) =>
      executeRemotely(operation, { generation: generationOf(operation.schema), passThrough }),
    gateway: {
      load: () => {
        for (const listener of listeners) announce(listener)
        schedule()
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
        stopped = true
        clearTimeout(timer)
        return Promise.resolve()
      },
    },
  }
}

const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ').slice(0, 500)

async function first(path: string, load: (sdl: string) => Promise<Generation>): Promise<Generation> {
  let sdl: string
  try {
    sdl = await readFile(path, 'utf8')
  } catch {
    throw new Error(`SUPERGRAPH_PATH: the file ${path} cannot be read`)
  }
  try {
    return await load(sdl)
  } catch (error) {
    throw new Error(`SUPERGRAPH_PATH: the file ${path} holds no valid supergraph: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}
