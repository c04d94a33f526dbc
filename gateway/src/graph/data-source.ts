import type { GraphQLDataSource, GraphQLDataSourceProcessOptions } from '@apollo/gateway'
import { catalogue, isErrorCode, type ErrorCode, type Logger, type RequestContext } from '@user-stats/service'
import type { GraphQLFormattedError } from 'graphql'
import type { Dispatcher } from 'undici'
import { pathsOfFetchedFields } from './fetched-fields.ts'

/** What the gateway asks of a data source. */
type Answer = Pick<Awaited<ReturnType<GraphQLDataSource['process']>>, 'data' | 'errors'>
type Request = GraphQLDataSourceProcessOptions['request']

export interface Subgraph extends GraphQLDataSource {
  /**
   * Sends a request body as it is. The gateway gets the same answer, or the same failure, when it asks next in this
   * request. Other data sources are asked by the gateway only.
   *
   * @returns undefined when there was no answer
   */
  readonly hand?: (
    body: string,
    context: RequestContext,
  ) => Promise<{ readonly status: number; readonly text: string } | undefined>
}

export interface DataSourceOptions {
  readonly name: string
  /** The subgraph's GraphQL endpoint. */
  readonly url: string
  /** Connections to its origin. */
  readonly pool: Dispatcher
  /** Milliseconds until it counts as away. */
  readonly timeout: number
  readonly log: Logger
}

/**
 * A subgraph, asked over kept-alive connections with the caller's own token. A request is sent once: nobody knows
 * whether a mutation that was not answered has been carried out.
 *
 * Errors of the subgraph keep our codes; whatever else goes wrong is SUBGRAPH_UNAVAILABLE when the subgraph is away,
 * INTERNAL_SERVER_ERROR when it and the gateway do not understand each other.
 */
export function createDataSource({ name, url, pool, timeout, log }: DataSourceOptions): Subgraph {
  const path = pathOf(url)
  const handed = new WeakMap<RequestContext, Promise<{ status: number; text: string }>>()

  return {
    async process({ request, context }) {
      const caller = context as RequestContext
      try {
        const { status, text } = await (handed.get(caller) ?? send(bodyOf(request), caller))
        // A refusal, too, has a GraphQL body that says why, whatever its status is.
        const answer = toAnswer(parse(text))
        if (answer !== undefined) return { ...answer, errors: answer.errors?.map((error) => told(error)) }
        caller.log.warn({ subgraph: name, status }, 'subgraph is away')
      } catch (error) {
        caller.log.warn({ subgraph: name, err: error }, 'subgraph is away')
      } finally {
        handed.delete(caller)
      }
      return { errors: unavailable(request) }
    },
    hand: (body, context) => {
      const sent = send(body, context)
      handed.set(context, sent)
      return sent.catch(() => undefined)
    },
  }

  async function send(
    content: string,
    { authorization, requestId, signal }: RequestContext,
  ): Promise<{ status: number; text: string }> {
    const deadline = createDeadline(timeout, signal)
    try {
      const { statusCode, body } = await pool.request({
        path,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          'x-request-id': requestId,
          ...(authorization !== undefined && { authorization }),
        },
        body: content,
        signal: deadline.signal,
      })
      return { status: statusCode, text: await body.text() }
    } finally {
      deadline.end()
    }
  }

  /** An error of the subgraph, in our terms: its own codes and nothing more. */
  function told({ message, path, extensions }: GraphQLFormattedError): GraphQLFormattedError {
    const { code, field, retryAfter } = extensions ?? {}
    // A document that the subgraph finds faulty was made by us.
    if (!isErrorCode(code) || code === 'BAD_REQUEST') {
      log.error({ subgraph: name, code }, 'subgraph answered an error that is not in the catalogue')
      return { ...toError('INTERNAL_SERVER_ERROR'), path }
    }
    return { message: message || catalogue[code].message, path, extensions: { code, field, retryAfter } }
  }
}

const bodyOf = ({ query, variables, operationName }: Request): string =>
  JSON.stringify({ query, variables, operationName })

function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return `${pathname}${search}`
}

const toError = (code: ErrorCode, path?: GraphQLFormattedError['path']): GraphQLFormattedError => ({
  message: catalogue[code].message,
  path,
  extensions: { code, ...(catalogue[code].status === 503 && { retryAfter: 1 }) },
})

/** One error for each field that was asked for, at its place. */
const unavailable = ({ query = '' }: Request): GraphQLFormattedError[] =>
  pathsOfFetchedFields(query).map((path) => toError('SUBGRAPH_UNAVAILABLE', path))

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** A GraphQL response, or undefined when it is none. */
function toAnswer(body: unknown): Answer | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { data, errors } = body as { data?: unknown; errors?: unknown }
  const list = Array.isArray(errors) && errors.length > 0 ? (errors as GraphQLFormattedError[]) : undefined
  if (typeof data === 'object' && data !== null)
    return { data: data as Record<string, unknown>, ...(list && { errors: list }) }
  return list && { errors: list }
}

/** A signal that ends with the request, or when the time is over. */
function createDeadline(timeout: number, request: AbortSignal) {
  const controller = new AbortController()
  const abort = (): void => {
    controller.abort()
  }
  const timer = setTimeout(abort, timeout)
  if (request.aborted) abort()
  else request.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    end: (): void => {
      clearTimeout(timer)
      request.removeEventListener('abort', abort)
    },
  }
}
