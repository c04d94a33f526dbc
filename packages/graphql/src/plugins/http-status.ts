import type { ApolloServerPlugin } from '@apollo/server'
import { catalogue, isErrorCode } from '@user-stats/core'
import { documentCodes } from '../errors/document-errors.ts'
import type { GraphResult, RequestContext } from '../request.ts'

const isNothing = (value: unknown): boolean =>
  value === null || (Array.isArray(value) && value.length > 0 && value.every(isNothing))

const documentFaults = new Set<unknown>([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
])

export interface HttpMeta {
  /** Undefined: the default. */
  readonly status?: number
  readonly headers: Readonly<Record<string, string>>
}

const unchanged: HttpMeta = { headers: {} }
const graphqlResponse = 'application/graphql-response+json'

/**
 * The HTTP status of a GraphQL response, by GraphQL over HTTP: an invalid document or variable is 400 for
 * clients that accept `application/graphql-response+json`, and 200 for older ones. An operation refused
 * before its execution has the status of its error. When an executed operation returned no data, the status
 * reports what concerns the whole caller, or what a client or proxy needs for a retry: 401, 403 of a blocked
 * store, 429 and 503.
 */
export function httpStatusFor(
  { data, errors }: GraphResult,
  { mediaType }: { readonly mediaType: string },
): HttpMeta {
  const first = errors?.[0]
  if (first === undefined) return unchanged
  const code = first.extensions?.['code']
  if (data === undefined && documentFaults.has(code))
    return { status: mediaType.includes(graphqlResponse) ? 400 : 200, headers: {} }
  const answered = data != null && !Object.values(data).every(isNothing)
  const status = data === undefined ? refusalStatus(code) : answered ? undefined : transportStatus(code)
  if (status === undefined) return unchanged
  const retryAfter = first.extensions?.['retryAfter']
  return {
    status,
    headers: {
      ...(typeof retryAfter === 'number' && { 'retry-after': String(retryAfter) }),
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    },
  }
}

/** Apollo Server plugin that sets this status, and forbids caching. */
export function statusOfErrors<Context extends RequestContext>(): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        willSendResponse: ({ request, response }) => {
          response.http.headers.set('cache-control', 'no-store')
          if (response.body.kind !== 'single') return Promise.resolve()
          const mediaType = request.http?.headers.get('accept') ?? ''
          const { status, headers } = httpStatusFor(response.body.singleResult, { mediaType })
          if (status !== undefined) response.http.status = status
          for (const [name, value] of Object.entries(headers)) response.http.headers.set(name, value)
          return Promise.resolve()
        },
      }),
  }
}

/** For GraphQL over HTTP, a rule violated before execution is a bad request. */
function refusalStatus(code: unknown): number | undefined {
  // Apollo Server has chosen the status of its own errors.
  if (!isErrorCode(code) || documentCodes.has(code)) return undefined
  const { status } = catalogue[code]
  return status === 422 ? 400 : status
}

function transportStatus(code: unknown): number | undefined {
  switch (code) {
    case 'UNAUTHENTICATED':
    case 'TOKEN_INVALID':
    case 'TOKEN_EXPIRED':
    case 'KEY_REVOKED':
    case 'INVALID_API_KEY':
      return 401
    case 'STORE_BLOCKED':
      return 403
    case 'TOO_MANY_REQUESTS':
      return 429
    case 'OVERLOADED':
    case 'SERVICE_UNAVAILABLE':
    case 'SUBGRAPH_UNAVAILABLE':
    case 'DATABASE_UNAVAILABLE':
    case 'QUEUE_FULL':
      return 503
    default:
      return undefined
  }
}
