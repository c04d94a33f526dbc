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

export interface Head {
  /** Undefined: as usual. */
  readonly status?: number
  readonly headers: Readonly<Record<string, string>>
}

const usual: Head = { headers: {} }

/**
 * The HTTP status, as GraphQL over HTTP wants it: a faulty document or variable is 400 to clients that know
 * `application/graphql-response+json`, and 200 to those of before. An operation refused before it was executed has the
 * status of its error. When it was executed and nothing was answered, the status says what concerns the caller as a
 * whole, or what a retrying client or a proxy must know: 401, 403 of a blocked store, 429 and 503.
 */
export function headOf({ data, errors }: GraphResult, modern: boolean): Head {
  const first = errors?.[0]
  if (first === undefined) return usual
  const code = first.extensions?.['code']
  if (data === undefined && documentFaults.has(code)) return { status: modern ? 400 : 200, headers: {} }
  const answered = data != null && !Object.values(data).every(isNothing)
  const status = data === undefined ? refusalStatus(code) : answered ? undefined : transportStatus(code)
  if (status === undefined) return usual
  const retryAfter = first.extensions?.['retryAfter']
  return {
    status,
    headers: {
      ...(typeof retryAfter === 'number' && { 'retry-after': String(retryAfter) }),
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    },
  }
}

/** Apollo Server's plugin for the same, and for answers that nobody may keep. */
export function statusOfErrors<Context extends RequestContext>(): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        willSendResponse: ({ request, response }) => {
          response.http.headers.set('cache-control', 'no-store')
          if (response.body.kind !== 'single') return Promise.resolve()
          const modern = request.http?.headers.get('accept')?.includes('application/graphql-response+json')
          const { status, headers } = headOf(response.body.singleResult, modern === true)
          if (status !== undefined) response.http.status = status
          for (const [name, value] of Object.entries(headers)) response.http.headers.set(name, value)
          return Promise.resolve()
        },
      }),
  }
}

/** What breaks a rule of ours before it is executed is a bad request to GraphQL over HTTP. */
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
