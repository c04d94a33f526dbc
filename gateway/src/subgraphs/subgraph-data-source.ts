import type { GraphQLDataSource, GraphQLDataSourceProcessOptions } from '@apollo/gateway'
import { catalogue, isErrorCode, type ErrorCode } from '@user-stats/core'
import type { Logger } from '@user-stats/http'
import { parseAnswer, type RequestContext } from '@user-stats/graphql'
import type { GraphQLFormattedError } from 'graphql'
import { pathsOfFetchedFields } from './error-paths.ts'
import { RequestNotSentError, type PlannedOperation, type SubgraphResponse } from './subgraph-client.ts'

type Result = Pick<Awaited<ReturnType<GraphQLDataSource['process']>>, 'data' | 'errors'>
type Request = GraphQLDataSourceProcessOptions['request']

type Send<Response> = (operation: PlannedOperation, context: RequestContext) => Promise<Response>

export interface SubgraphDataSource extends GraphQLDataSource {
  /**
   * Sends an operation ahead of the executor; only the fast path has it.
   *
   * @returns undefined when there was no response
   */
  readonly forward?: Send<SubgraphResponse | undefined> | undefined
}

export interface SubgraphDataSourceOptions extends Pick<SubgraphDataSource, 'forward'> {
  readonly name: string
  readonly send: Send<SubgraphResponse>
  readonly log: Logger
}

/**
 * A subgraph as Apollo Gateway's executor calls it. Errors of the subgraph keep our codes. Other failures are
 * SUBGRAPH_UNAVAILABLE when there was no GraphQL response, INTERNAL_SERVER_ERROR when the subgraph rejected
 * the gateway's document.
 */
export function createSubgraphDataSource({
  name,
  send,
  forward,
  log,
}: SubgraphDataSourceOptions): SubgraphDataSource {
  /** An error of the subgraph, reduced to what clients may see: codes of the catalogue and nothing else. */
  function toPublicError({ message, path, extensions }: GraphQLFormattedError): GraphQLFormattedError {
    const { code, field, retryAfter } = extensions ?? {}
    // The gateway wrote the document: BAD_REQUEST is a fault of ours.
    if (!isErrorCode(code) || code === 'BAD_REQUEST') {
      log.error({ subgraph: name, code }, 'the subgraph returned an error that is not in the catalogue')
      return { ...errorOf('INTERNAL_SERVER_ERROR'), path }
    }
    return { message: message || catalogue[code].message, path, extensions: { code, field, retryAfter } }
  }

  return {
    forward,
    async process({ request, context }) {
      const caller = context as RequestContext
      try {
        const { status, text } = await send(request, caller)
        // Refusals have a GraphQL body too, whatever their status is.
        const result = await readResult(text)
        if (result !== undefined) return { ...result, errors: result.errors?.map(toPublicError) }
        caller.log.warn({ subgraph: name, status }, 'the subgraph is unavailable')
      } catch (error) {
        // The circuit breaker has logged why nothing is sent.
        if (!(error instanceof RequestNotSentError))
          caller.log.warn({ subgraph: name, err: error }, 'the subgraph is unavailable')
      }
      return { errors: unavailable(request) }
    },
  }
}

const errorOf = (code: ErrorCode, path?: GraphQLFormattedError['path']): GraphQLFormattedError => ({
  message: catalogue[code].message,
  path,
  extensions: { code, ...(catalogue[code].status === 503 && { retryAfter: 1 }) },
})

/** One error per requested field, at its path. */
const unavailable = ({ query = '' }: Request): GraphQLFormattedError[] =>
  pathsOfFetchedFields(query).map((path) => errorOf('SUBGRAPH_UNAVAILABLE', path))

/** @returns undefined when the text is no GraphQL response */
async function readResult(text: string): Promise<Result | undefined> {
  let body: unknown
  try {
    body = await parseAnswer(text)
  } catch {
    return undefined
  }
  if (typeof body !== 'object' || body === null) return undefined
  const { data, errors } = body as { data?: unknown; errors?: unknown }
  const list = Array.isArray(errors) && errors.length > 0 ? (errors as GraphQLFormattedError[]) : undefined
  if (typeof data === 'object' && data !== null)
    return { data: data as Record<string, unknown>, ...(list && { errors: list }) }
  return list && { errors: list }
}
