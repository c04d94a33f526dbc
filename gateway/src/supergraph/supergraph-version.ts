import { ApolloGateway, type Experimental_DidResolveQueryPlanCallback } from '@apollo/gateway'
import type { ApolloServerOptionsWithGateway, BaseContext } from '@apollo/server'
import type { Logger } from '@user-stats/http'
import type { DocumentNode, GraphQLSchema } from 'graphql'
import type { SubgraphDataSource } from '../subgraphs/subgraph-data-source.ts'
import { applyScalarParsers } from './custom-scalars.ts'

/** The gateway that Apollo Server expects. */
export type GatewayInterface = NonNullable<ApolloServerOptionsWithGateway<BaseContext>['gateway']>

export type Executor = NonNullable<Awaited<ReturnType<GatewayInterface['load']>>['executor']>

export type CreateDataSource = (subgraph: {
  readonly name: string
  readonly url: string
}) => SubgraphDataSource

type QueryPlan = Parameters<Experimental_DidResolveQueryPlanCallback>[0]['queryPlan']

/** One content of the supergraph file, ready to execute operations. */
export interface SupergraphVersion {
  readonly sdl: string
  /** The schema that clients see. */
  readonly schema: GraphQLSchema
  readonly executor: Executor
  /** The plans of documents that have been executed. */
  readonly queryPlans: WeakMap<DocumentNode, QueryPlan>
  readonly subgraphs: ReadonlyMap<string, SubgraphDataSource>
}

export interface SupergraphVersionOptions {
  readonly sdl: string
  readonly dataSource: CreateDataSource
  readonly log: Logger
}

/**
 * An Apollo Gateway over one supergraph. Each content of the file has a gateway of its own, so that plans and
 * schema belong together, and requests in flight during a reload finish on the schema they were validated
 * against.
 *
 * @throws Error when the SDL is not a supergraph
 */
export async function createSupergraphVersion({
  sdl,
  dataSource,
  log,
}: SupergraphVersionOptions): Promise<SupergraphVersion> {
  const queryPlans: SupergraphVersion['queryPlans'] = new WeakMap()
  const subgraphs = new Map<string, SubgraphDataSource>()
  const gateway = new ApolloGateway({
    supergraphSdl: sdl,
    buildService: ({ name, url = '' }) => {
      const subgraph = dataSource({ name, url })
      subgraphs.set(name, subgraph)
      return subgraph
    },
    debug: false,
    __exposeQueryPlanExperimental: false,
    serviceHealthCheck: false,
    validateSupergraph: true,
    experimental_didResolveQueryPlan: ({ queryPlan, requestContext: { document } }) => {
      queryPlans.set(document, queryPlan)
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
  applyScalarParsers(schema)
  return { sdl, schema, executor: withoutExtensions(executor as Executor), queryPlans, subgraphs }
}

/**
 * Drops the executor's `extensions`: it warns of every entity without data, and visitors have none by design.
 */
const withoutExtensions =
  (executor: Executor): Executor =>
  async (request) => {
    const { extensions: _extensions, ...result } = await executor(request)
    return result
  }
