import { HeaderMap } from '@apollo/server'
import type { FastifyInstance } from 'fastify'
import { toAnswerable } from '@user-stats/http'
import type { Logger } from '@user-stats/http'
import type { Metrics } from '@user-stats/http'
import { withNote, type CostNote } from './limits/cost-extension.ts'
import { graphqlExtensions } from './errors/format-error.ts'
import type { GraphRequest, GraphResult, RequestContext } from './request.ts'
import type { GraphServer } from './graph-server.ts'
import { headOf } from './plugins/http-status.ts'

/** A GraphQL response over HTTP. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

const noHeaders = {}

/**
 * Answers an operation by the server's engine.
 *
 * @param client whether it knows `application/graphql-response+json`, and whether it is told what the operation cost
 * @returns undefined when the operation must take the ordinary path; nothing has been executed then
 */
export async function answerCached<Context extends RequestContext>(
  server: GraphServer<Context>,
  request: GraphRequest,
  context: Context,
  { modern, noted }: { readonly modern: boolean; readonly noted: boolean },
): Promise<HttpAnswer | undefined> {
  const answer = await server.executeCached(request, context)
  if (answer === undefined) return undefined
  const note = noted ? answer.note : undefined
  if ('text' in answer)
    return { status: 200, headers: noHeaders, text: note ? withNote(answer.text, note) : answer.text }
  const { status, headers } = headOf(answer, modern)
  return { status: status ?? (answer.data === undefined ? 500 : 200), headers, text: textOf(answer, note) }
}

const textOf = ({ data, errors }: GraphResult, note: CostNote | undefined): string =>
  `${JSON.stringify({ errors, data, extensions: note?.extensions })}\n`

/** Answers an operation that comes without anything unusual. */
export async function answerPlain<Context extends RequestContext>(
  server: GraphServer<Context>,
  request: GraphRequest,
  context: Context,
): Promise<HttpAnswer> {
  const cached = await answerCached(server, request, context, { modern: false, noted: false })
  if (cached !== undefined) return cached
  const { query, variables, operationName } = request
  const sent = { query, variables, ...(operationName !== undefined && { operationName }) }
  const { status, headers, body } = await server.executeHttp(
    { method: 'POST', headers: plainHeaders, body: sent, search: '' },
    context,
  )
  // We have no @defer: an answer is always complete.
  const text = body.kind === 'complete' ? body.string : ''
  return { status: status ?? 200, headers: Object.fromEntries(headers), text }
}

const plainHeaders = new HeaderMap([
  ['content-type', 'application/json'],
  ['accept', 'application/json'],
  ['prefer', 'return=minimal'],
])

/** What is told of an error that came before any operation: a GraphQL client reads errors, not problem documents. */
export function answerFailure(
  error: unknown,
  log: Pick<Logger, 'error' | 'warn'>,
  metrics: Metrics,
): HttpAnswer {
  const known = toAnswerable(error, log, metrics)
  return {
    // What breaks a rule of ours before a document was read is a bad request to GraphQL over HTTP.
    status: known.status === 422 ? 400 : known.status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      ...(known.retryAfter !== undefined && { 'retry-after': String(known.retryAfter) }),
      ...(known.status === 401 && { 'www-authenticate': 'Bearer' }),
    },
    text: JSON.stringify({ errors: [{ message: known.message, extensions: graphqlExtensions(known) }] }),
  }
}

/** Lets the routes of a room tell what came before any operation that way. */
export function answerFailures(room: FastifyInstance, metrics: Metrics): void {
  room.setErrorHandler((error, request, reply) => {
    const { status, headers, text } = answerFailure(error, request.log, metrics)
    void reply.code(status).headers(headers).send(text)
  })
}
