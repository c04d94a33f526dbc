import { ApolloGateway } from '@apollo/gateway'
import type { ApolloServerOptionsWithGateway, BaseContext } from '@apollo/server'
import type { Logger } from '@user-stats/http'
import type { DocumentNode, GraphQLSchema } from 'graphql'
import type { Subgraph } from '../subgraphs/subgraph-data-source.ts'
import { judgeLiterals } from './custom-scalars.ts'
import { guardedTypes, type QueryPlan } from '../fast-path/forward.ts'

/** What Apollo Server asks of a gateway. */
export type GatewayInterface = NonNullable<ApolloServerOptionsWithGateway<BaseContext>['gateway']>

export type Executor = NonNullable<Awaited<ReturnType<GatewayInterface['load']>>['executor']>

/** One content of the supergraph file, ready to execute. */
export interface Generation {
  readonly sdl: string
  /** What clients see. */
  readonly schema: GraphQLSchema
  readonly executor: Executor
  /** How documents were planned that have been executed. */
  readonly plans: WeakMap<DocumentNode, Plan>
  readonly guardedTypes: ReadonlySet<string>
}

export interface Plan {
  readonly queryPlan: QueryPlan
  readonly subgraphs: Readonly<Record<string, Subgraph>>
}

export interface GenerationOptions {
  readonly sdl: string
  readonly dataSource: (subgraph: { readonly name: string; readonly url: string }) => Subgraph
  readonly log: Logger
}

/**
 * An Apollo Gateway over one supergraph. Each content of the file has a gateway of its own: plans and schema never
 * mix, and requests that began before a change finish on the graph they were validated against.
 *
 * @throws when the SDL is no supergraph
 */
export async function createGeneration({ sdl, dataSource, log }: GenerationOptions): Promise<Generation> {
  // Read by the constructor below, which would otherwise report to its maker.
  process.env['APOLLO_TELEMETRY_DISABLED'] = 'true'
  const plans = new WeakMap<DocumentNode, Plan>()
  const gateway = new ApolloGateway({
    supergraphSdl: sdl,
    buildService: ({ name, url = '' }) => dataSource({ name, url }),
    debug: false,
    __exposeQueryPlanExperimental: false,
    serviceHealthCheck: false,
    validateSupergraph: true,
    experimental_didResolveQueryPlan: ({ queryPlan, serviceMap, requestContext: { document } }) => {
      if (!plans.has(document)) plans.set(document, { queryPlan, subgraphs: serviceMap })
    },
    logger: {
      debug: (message: unknown) => {
        log.trace(String(message))
      },
      info: (message: unknown) => {
        log.debug(String(message))
      },
      warn: (message: unknown) => {
        log.warn(String(message))
      },
      error: (message: unknown) => {
        log.error({ err: message }, 'gateway')
      },
    },
  })
  const { schema, executor } = await gateway.load()
  judgeLiterals(schema)
  return {
    sdl,
    schema,
    executor: withoutNotes(executor as Executor),
    plans,
    guardedTypes: guardedTypes(sdl),
  }
}

/** Visitors are null by design: no notes about ids they don't have. */
const withoutNotes =
  (executor: Executor): Executor =>
  async (request) => {
    const { extensions: _notes, ...result } = await executor(request)
    return result
  }
