import {
  ApolloServer,
  type ApolloServerOptionsWithGateway,
  type BaseContext,
  type HTTPGraphQLRequest,
  type HTTPGraphQLResponse,
} from '@apollo/server'
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled'
import type { GraphQLSchema } from 'graphql'
import { refusalOf } from './bounds/admission.ts'
import type { GraphLimits } from './bounds/limits.ts'
import { costOfOperations, createPricing } from './bounds/plugin.ts'
import { DomainError } from '../errors/domain-error.ts'
import type { Logger } from '../http/logging.ts'
import type { Metrics } from '../http/metrics.ts'
import { executeLocally } from './compiled.ts'
import { createErrorFormatter } from './errors.ts'
import { introspectionForSignedIn, type Admit } from './introspection.ts'
import { knownRoot } from './known-root.ts'
import { createLogsOfErrors } from './logs-of-errors.ts'
import { operationFound } from './operation-found.ts'
import type { GraphRequest, GraphResult, RequestContext } from './request.ts'
import { createShortPath, resultOf, type Execute, type KnownOperation, type Verbatim } from './short-path.ts'
import { shallowLists } from './shallow-lists.ts'
import { settleListItems } from './list-items.ts'
import { statusOfErrors } from './status.ts'

export interface GraphServer<Context extends RequestContext> {
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
  /** Executes an operation in process. */
  readonly execute: (request: GraphRequest, context: Context) => Promise<GraphResult>
  /**
   * The same by the short path only.
   *
   * @returns undefined when it has to go the ordinary way; nothing has been executed then
   */
  readonly executeKnown: (
    request: GraphRequest,
    context: Context,
  ) => Promise<GraphResult | Verbatim | undefined> | undefined
  /** Answers a GraphQL request over HTTP, whatever it looks like. */
  readonly executeHttp: (request: HTTPGraphQLRequest, context: Context) => Promise<HTTPGraphQLResponse>
}

export type FastPath = 'true' | 'false' | 'always'

export interface GraphServerOptions<Context extends RequestContext> {
  readonly source:
    | { readonly schema: GraphQLSchema }
    | {
        readonly gateway: ApolloServerOptionsWithGateway<BaseContext>['gateway']
        /** How the short path executes operations of the gateway. */
        readonly prepare: (operation: KnownOperation) => Execute
      }
  readonly limits: GraphLimits
  readonly log: Logger
  readonly metrics: Metrics
  /** Off: everything goes through Apollo Server. Always: nothing does that Apollo Server has let through, for tests. */
  readonly fastPath?: FastPath
  /** Asked before a caller is shown the schema. */
  readonly admit: Admit<Context>
}

/**
 * Apollo Server with what our three graphs share: one translation of errors, introspection for signed-in callers,
 * and a short path for operations that it has let through before.
 */
export function createGraphServer<Context extends RequestContext>({
  source,
  limits,
  log,
  metrics,
  fastPath = 'true',
  admit,
}: GraphServerOptions<Context>): GraphServer<Context> {
  const formatError = createErrorFormatter(log, metrics)
  const logs = createLogsOfErrors<Context>()
  const price = createPricing(limits.cost)
  const short =
    fastPath === 'false'
      ? undefined
      : createShortPath({
          price,
          prepare: 'gateway' in source ? source.prepare : executeLocally,
          formatError,
          always: fastPath === 'always',
        })
  if (short && 'schema' in source) settleListItems(source.schema)
  const apollo = new ApolloServer<Context>({
    ...('gateway' in source ? { gateway: source.gateway } : { schema: source.schema }),
    // Who may introspect depends on the caller; see the plugin.
    introspection: true,
    includeStacktraceInErrorResponses: false,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    csrfPrevention: true,
    stopOnTerminationSignals: false,
    maxRecursiveSelections: true,
    parseOptions: { maxTokens: limits.tokens },
    validationRules: [knownRoot, shallowLists],
    logger: {
      debug: (message: unknown) => {
        log.debug(String(message))
      },
      info: (message: unknown) => {
        log.debug(String(message))
      },
      warn: (message: unknown) => {
        log.warn(String(message))
      },
      error: (message: unknown) => {
        log.error({ err: message }, 'graph server')
      },
    },
    formatError: (formatted, thrown) => formatError(formatted, thrown, logs.of(thrown)),
    plugins: [
      logs.plugin,
      // Both would wrap every field's resolver, for hints and traces that nobody asks for.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      // A page of somebody else's scripts, which our policy forbids; the gateway has its own.
      ApolloServerPluginLandingPageDisabled(),
      operationFound(),
      introspectionForSignedIn(admit),
      costOfOperations(price),
      // After the rules above: what they refuse is not learnt.
      ...(short ? [short.plugin<Context>()] : []),
      statusOfErrors(),
    ],
  })

  async function ordinary({ query, variables, operationName }: GraphRequest, contextValue: Context) {
    refuseLarge(query)
    const { body } = await apollo.executeOperation(
      { query, ...(variables && { variables }), ...(operationName !== undefined && { operationName }) },
      { contextValue },
    )
    if (body.kind !== 'single') throw new DomainError('INTERNAL_SERVER_ERROR')
    return body.singleResult as GraphResult
  }

  /** @throws OPERATION_TOO_LARGE */
  function refuseLarge(query: unknown): void {
    const refusal = typeof query === 'string' ? refusalOf(query, limits) : undefined
    if (refusal) throw refusal
  }

  const executeKnown: GraphServer<Context>['executeKnown'] = (request, context) =>
    short?.run(request, context)

  return {
    start: () => apollo.start(),
    stop: () => apollo.stop(),
    executeKnown,
    execute: async (request, context) => {
      const answer = await executeKnown(request, context)
      if (answer === undefined) return await ordinary(request, context)
      return resultOf(answer)
    },
    executeHttp: (httpGraphQLRequest, context) => {
      refuseLarge(documentIn(httpGraphQLRequest))
      return apollo.executeHTTPGraphQLRequest({ httpGraphQLRequest, context: () => Promise.resolve(context) })
    },
  }
}

/** The document of a request, wherever Apollo Server will look for it. */
const documentIn = ({ method, body, search }: HTTPGraphQLRequest): unknown =>
  method === 'GET'
    ? new URLSearchParams(search).get('query')
    : (body as { readonly query?: unknown } | null | undefined)?.query
