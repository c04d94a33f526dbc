import type { GraphQLDataSource, GraphQLDataSourceProcessOptions } from '@apollo/gateway'
import { catalogue, isErrorCode, type ErrorCode } from '@user-stats/core'
import type { Logger } from '@user-stats/http'
import type { OperationAnswer, RequestContext } from '@user-stats/graphql'
import type { GraphQLFormattedError } from 'graphql'
import { pathsOfFetchedFields } from './error-paths.ts'
import { createLink, notAsked, type LinkOptions, type Operation } from './subgraph-client.ts'
import { toOperation } from './subgraph-operation.ts'

/** What the gateway asks of a data source. */
type Answer = Pick<Awaited<ReturnType<GraphQLDataSource['process']>>, 'data' | 'errors'>
type Request = GraphQLDataSourceProcessOptions['request']

export interface Subgraph extends GraphQLDataSource {
  /**
   * Sends an operation as it is. The gateway gets the same answer, or the same failure, when it asks for the same
   * document in this request. Other data sources are asked by the gateway only.
   *
   * @returns undefined when there was no answer
   */
  readonly hand?: (operation: Operation, context: RequestContext) => Promise<OperationAnswer | undefined>
}

export interface DataSourceOptions extends LinkOptions {
  readonly name: string
  readonly log: Logger
}

/**
 * A subgraph as the gateway asks it. Errors of the subgraph keep our codes; whatever else goes wrong is
 * SUBGRAPH_UNAVAILABLE when the subgraph is away, INTERNAL_SERVER_ERROR when it and the gateway do not understand each
 * other.
 */
export function createDataSource({ name, log, ...options }: DataSourceOptions): Subgraph {
  const link = createLink({ ...options, log })
  const handed = new WeakMap<RequestContext, Map<string, Promise<OperationAnswer>>>()

  return {
    async process({ request, context }) {
      const caller = context as RequestContext
      try {
        const { status, text } = await (take(caller, request.query) ??
          link.send(toOperation(request), caller))
        // A refusal, too, has a GraphQL body that says why, whatever its status is.
        const answer = toAnswer(parse(text))
        if (answer !== undefined) return { ...answer, errors: answer.errors?.map((error) => told(error)) }
        caller.log.warn({ subgraph: name, status }, 'subgraph is away')
      } catch (error) {
        // What is not asked is told once, by the breaker.
        if (error !== notAsked) caller.log.warn({ subgraph: name, err: error }, 'subgraph is away')
      }
      return { errors: unavailable(request) }
    },
    hand: (operation, context) => {
      const sent = link.send(operation, context)
      const others = handed.get(context)
      if (others) others.set(operation.query, sent)
      else handed.set(context, new Map([[operation.query, sent]]))
      return sent.catch(() => undefined)
    },
  }

  /** An answer is given once. */
  function take(context: RequestContext, query = ''): Promise<OperationAnswer> | undefined {
    const answers = handed.get(context)
    const answer = answers?.get(query)
    answers?.delete(query)
    return answer
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
