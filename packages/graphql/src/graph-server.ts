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
import { refusalOf } from './limits/check-document.ts'
import type { GraphLimits } from './limits/limits.ts'
import { costOfOperations, createPricing } from './limits/plugin.ts'
import { DomainError, yieldTurn } from '@user-stats/core'
import type { Logger } from '@user-stats/http'
import { documentIn } from './http-document.ts'
import { formatError } from './errors/format-error.ts'
import { introspectionForSignedIn, type AssertCanIntrospect } from './plugins/introspection.ts'
import { exactNumbers } from './rules/exact-numbers.ts'
import { fewIntrospectionAliases } from './rules/introspection-aliases.ts'
import { knownRoot } from './rules/known-root.ts'
import { yieldBeforeExecution } from './plugins/yield-turns.ts'
import { operationFound } from './plugins/require-operation.ts'
import { parseResult, type CreateEngine, type EngineResult } from './operation-engine.ts'
import type { GraphRequest, GraphResult, RequestContext } from './request.ts'
import { shallowLists } from './rules/shallow-lists.ts'
import { createAnswerSerializer, stringifyResult, type AnsweredErrors } from './plugins/serialize-answers.ts'
import { statusOfErrors } from './plugins/http-status.ts'
import { isSignIn } from './sign-in.ts'
import { yieldInLists } from './yield-in-lists.ts'

export interface GraphServer<Context extends RequestContext> {
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
  /** Executes an operation in process. */
  readonly execute: (request: GraphRequest, context: Context) => Promise<GraphResult>
  /**
   * Executes an operation with the server's engine.
   *
   * @returns undefined when the operation must take the ordinary path; nothing has been executed then
   */
  readonly executeCached: (
    request: GraphRequest,
    context: Context,
  ) => Promise<EngineResult | undefined> | undefined
  /** Executes any GraphQL request over HTTP. */
  readonly executeHttp: (request: HTTPGraphQLRequest, context: Context) => Promise<HttpGraphResponse>
}

export type HttpGraphResponse = HTTPGraphQLResponse & AnsweredErrors

/** Validation stops at this many errors. */
const maxValidationErrors = 5

export interface GraphServerOptions<Context extends RequestContext> {
  readonly source:
    | { readonly schema: GraphQLSchema }
    | { readonly gateway: ApolloServerOptionsWithGateway<BaseContext>['gateway'] }
  readonly limits: GraphLimits
  readonly log: Logger
  /** Executes operations that Apollo Server has accepted before; without it Apollo Server executes all. */
  readonly engine?: CreateEngine | undefined
  /** Called before introspection is answered. */
  readonly assertCanIntrospect: AssertCanIntrospect<Context>
}

/**
 * Apollo Server with what our three graphs share: one translation of errors, introspection for authenticated
 * callers, cost limits, and a seam for an engine that executes operations in its place.
 */
export function createGraphServer<Context extends RequestContext>({
  source,
  limits,
  log,
  engine: createEngine,
  assertCanIntrospect,
}: GraphServerOptions<Context>): GraphServer<Context> {
  const serializer = createAnswerSerializer<Context>()
  const price = createPricing(limits.cost)
  const engine = createEngine?.({ price })
  if ('schema' in source) yieldInLists(source.schema)
  const apollo = new ApolloServer<Context>({
    ...source,
    // Introspection depends on the caller; see the plugin.
    introspection: true,
    includeStacktraceInErrorResponses: false,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    csrfPrevention: true,
    stopOnTerminationSignals: false,
    maxRecursiveSelections: true,
    parseOptions: { maxTokens: limits.tokens },
    validationRules: [knownRoot, shallowLists, exactNumbers, fewIntrospectionAliases],
    validationOptions: { maxErrors: maxValidationErrors },
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
    stringifyResult,
    formatError,
    plugins: [
      // Both would wrap every field's resolver, for unused hints and traces.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      // Apollo's landing page loads external scripts, which our policy forbids; the gateway has its own page.
      ApolloServerPluginLandingPageDisabled(),
      yieldBeforeExecution(),
      operationFound(),
      introspectionForSignedIn(assertCanIntrospect),
      costOfOperations(price),
      // After the rules above, so that the engine does not cache refused operations.
      ...(engine ? [engine.plugin<Context>()] : []),
      statusOfErrors(),
      serializer.plugin,
    ],
  })

  async function ordinary({ query, variables, operationName }: GraphRequest, contextValue: Context) {
    await checkDocument(query, contextValue)
    const { body } = await apollo.executeOperation(
      { query, ...(variables && { variables }), ...(operationName !== undefined && { operationName }) },
      { contextValue },
    )
    if (body.kind !== 'single') throw new DomainError('INTERNAL_SERVER_ERROR')
    return body.singleResult as GraphResult
  }

  /** @throws OPERATION_TOO_LARGE, UNAUTHENTICATED, OVERLOADED */
  async function checkDocument(query: unknown, context: Context): Promise<void> {
    if (typeof query !== 'string') return
    await yieldTurn()
    const refusal = refusalOf(query, limits, context.caller)
    if (refusal) throw refusal
    // Apollo Server parses and validates it next.
    await yieldTurn()
  }

  const executeCached: GraphServer<Context>['executeCached'] = (request, context) =>
    engine?.run(request, context)

  return {
    start: () => apollo.start(),
    stop: () => apollo.stop(),
    executeCached,
    execute: async (request, context) => {
      const result = await executeCached(request, context)
      return result === undefined ? await ordinary(request, context) : parseResult(result)
    },
    executeHttp: async (httpGraphQLRequest, context) => {
      const document = documentIn(httpGraphQLRequest)
      // An address that exceeded its limit of anonymous requests can still sign in.
      if (context.overLimit !== undefined && !isSignIn(document)) throw context.overLimit
      await checkDocument(document, context)
      const response = await apollo.executeHTTPGraphQLRequest({
        httpGraphQLRequest,
        context: () => Promise.resolve(context),
      })
      return { ...response, ...serializer.errorsOf(httpGraphQLRequest, response) }
    },
  }
}
