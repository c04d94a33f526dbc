import {
  ApolloServer,
  type BaseContext,
  type ApolloServerOptionsWithGateway,
  type ApolloServerPlugin,
} from '@apollo/server'
import { GraphQLError, visit, type DocumentNode, type GraphQLSchema } from 'graphql'
import { DomainError } from '../errors/domain-error.ts'
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
    plugins: [introspectionForSignedIn(), statusOfErrors()],
  })
}

const introspects = (document: DocumentNode): boolean => {
  let found = false
  visit(document, {
    Field: ({ name }) => {
      if (name.value === '__schema' || name.value === '__type' || name.value === '_service') found = true
    },
  })
  return found
}

function introspectionForSignedIn<Context extends RequestContext>(): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation: ({ document, contextValue }) => {
          if (contextValue.caller.role === 'NOBODY' && introspects(document))
            throw new GraphQLError('', { originalError: new DomainError('UNAUTHENTICATED') })
          return Promise.resolve()
        },
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

/** When nothing was answered, the HTTP status says what a retrying client or a proxy must know: 401, 429 and 503. */
function statusOfErrors<Context extends RequestContext>(): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        willSendResponse: ({ response }) => {
          if (response.body.kind !== 'single') return Promise.resolve()
          const { data, errors } = response.body.singleResult
          const answered = data != null && !Object.values(data).every(isNothing)
          if (errors === undefined || errors.length === 0 || answered) return Promise.resolve()
          const status = transportStatus(errors[0]?.extensions?.['code'])
          if (status === undefined) return Promise.resolve()
          response.http.status = status
          const retryAfter = errors[0]?.extensions?.['retryAfter']
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
