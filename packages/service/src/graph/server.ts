import {
  ApolloServer,
  HeaderMap,
  type BaseContext,
  type ApolloServerOptionsWithGateway,
  type ApolloServerPlugin,
} from '@apollo/server'
import {
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled'
import {
  GraphQLError,
  Kind,
  visit,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
} from 'graphql'
import { catalogue } from '../errors/catalogue.ts'
import type { Logger } from '../http/logging.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Caller } from '../identity/caller.ts'
import { createErrorFormatter } from './errors.ts'

/** What every operation knows of its request. Services add their own domain to it. */
export interface RequestContext {
  readonly caller: Caller
  /** The caller's Authorization header, to be forwarded. */
  readonly authorization: string | undefined
  readonly requestId: string
  /** Aborted when the client goes away or the request's time is over. */
  readonly signal: AbortSignal
  readonly log: Logger
}

export type GraphServer<Context extends RequestContext> = ApolloServer<Context>

export interface GraphServerOptions {
  readonly source:
    | { readonly schema: GraphQLSchema }
    | { readonly gateway: ApolloServerOptionsWithGateway<BaseContext>['gateway'] }
  readonly log: Logger
  readonly metrics: Metrics
}

/** Apollo Server with what our three graphs share: one translation of errors, introspection for signed-in callers. */
export function createGraphServer<Context extends RequestContext>({
  source,
  log,
  metrics,
}: GraphServerOptions): GraphServer<Context> {
  return new ApolloServer<Context>({
    ...source,
    // Who may introspect depends on the caller; see the plugin.
    introspection: true,
    includeStacktraceInErrorResponses: false,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    csrfPrevention: true,
    stopOnTerminationSignals: false,
    maxRecursiveSelections: true,
    parseOptions: { maxTokens: 20_000 },
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
    formatError: createErrorFormatter(log, metrics),
    plugins: [
      introspectionForSignedIn(),
      statusOfErrors(),
      // Whatever APOLLO_* variables there are, nothing is told to its maker, nor are traces to callers who ask for
      // them; and its page would be fetched from elsewhere.
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginLandingPageDisabled(),
    ],
  })
}

const introspective = new Set(['__schema', '__type', '_service'])

const rootFieldsOf = (operation: OperationDefinitionNode): readonly SelectionNode[] =>
  operation.selectionSet.selections

function introspects(document: DocumentNode): boolean {
  let found = false
  visit(document, {
    Field: ({ name }) => {
      if (introspective.has(name.value)) found = true
    },
  })
  return found
}

/** Whether all an operation asks for is types by name: strangers are told that there are none. */
const asksForTypesOnly = (
  operation: OperationDefinitionNode | undefined,
): operation is OperationDefinitionNode =>
  operation !== undefined &&
  rootFieldsOf(operation).every((node) => node.kind === Kind.FIELD && node.name.value === '__type')

const noTypes = (operation: OperationDefinitionNode): Record<string, null> =>
  Object.fromEntries(
    rootFieldsOf(operation).map((node) => [
      node.kind === Kind.FIELD ? (node.alias ?? node.name).value : '',
      null,
    ]),
  )

function introspectionForSignedIn<Context extends RequestContext>(): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation: ({ document, operation, contextValue }) => {
          if (contextValue.caller.role === 'NOBODY' && introspects(document) && !asksForTypesOnly(operation))
            throw new GraphQLError(catalogue.UNAUTHENTICATED.message, {
              extensions: { code: 'UNAUTHENTICATED' },
            })
          return Promise.resolve()
        },
        responseForOperation: ({ operation, contextValue }) =>
          Promise.resolve(
            contextValue.caller.role === 'NOBODY' && asksForTypesOnly(operation)
              ? {
                  http: { headers: new HeaderMap(), status: undefined },
                  body: { kind: 'single', singleResult: { data: noTypes(operation) } },
                }
              : null,
          ),
        didEncounterErrors: ({ errors, contextValue }) => {
          if (contextValue.caller.role !== 'NOBODY') return Promise.resolve()
          // Suggestions are taken from the schema: strangers learn nothing of it.
          for (const error of errors) error.message = error.message.replace(/ Did you mean [\s\S]*$/, '')
          return Promise.resolve()
        },
      }),
  }
}

const isNothing = (value: unknown): boolean =>
  value === null || (Array.isArray(value) && value.length > 0 && value.every(isNothing))

const documentFaults = new Set<unknown>([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
])

/**
 * The HTTP status, as GraphQL over HTTP wants it: a faulty document or variable is 400 to clients that know
 * `application/graphql-response+json`, and 200 to those of before. When nothing was answered for another reason, it
 * says what a retrying client or a proxy must know: 401, 429 and 503.
 */
function statusOfErrors<Context extends RequestContext>(): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        willSendResponse: ({ request, response }) => {
          if (response.body.kind !== 'single') return Promise.resolve()
          const { data, errors } = response.body.singleResult
          const [first] = errors ?? []
          if (first === undefined) return Promise.resolve()
          const code = first.extensions?.['code']
          if (data === undefined && documentFaults.has(code)) {
            const modern = request.http?.headers.get('accept')?.includes('application/graphql-response+json')
            response.http.status = modern === true ? 400 : 200
            return Promise.resolve()
          }
          const answered = data != null && !Object.values(data).every(isNothing)
          const status = answered ? undefined : transportStatus(code)
          if (status === undefined) return Promise.resolve()
          response.http.status = status
          const retryAfter = first.extensions?.['retryAfter']
          if (typeof retryAfter === 'number') response.http.headers.set('retry-after', String(retryAfter))
          if (status === 401) response.http.headers.set('www-authenticate', 'Bearer')
          return Promise.resolve()
        },
      }),
  }
}

function transportStatus(code: unknown): number | undefined {
  switch (code) {
    case 'UNAUTHENTICATED':
    case 'TOKEN_INVALID':
    case 'TOKEN_EXPIRED':
    case 'KEY_REVOKED':
    case 'INVALID_API_KEY':
      return 401
    case 'TOO_MANY_REQUESTS':
      return 429
    case 'SERVICE_UNAVAILABLE':
    case 'SUBGRAPH_UNAVAILABLE':
    case 'DATABASE_UNAVAILABLE':
    case 'QUEUE_FULL':
      return 503
    default:
      return undefined
  }
}
