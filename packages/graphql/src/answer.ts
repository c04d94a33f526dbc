import { HeaderMap } from '@apollo/server'
import { answerFailure, type HttpAnswer } from './errors/answer-failure.ts'
import { withNote, type CostNote } from './limits/cost-extension.ts'
import type { GraphRequest, GraphResult, RequestContext } from './request.ts'
import type { GraphServer } from './graph-server.ts'
import { headOf } from './plugins/http-status.ts'
import { serializeAnswer } from './serialize-answer.ts'

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
  const { errors, operation } = answer
  const { status, headers } = headOf(answer, modern)
  return await textOf(answer, note)
    .then((text) => ({ status: status ?? (answer.data === undefined ? 500 : 200), headers, text, errors }))
    .catch(answerFailure)
    .then((answered) => ({ ...answered, operation }))
}

const textOf = async ({ data, errors }: GraphResult, note: CostNote | undefined): Promise<string> =>
  `${await serializeAnswer({ errors, data, extensions: note?.extensions })}\n`

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
  const { status, headers, body, errors, operation } = await server.executeHttp(
    { method: 'POST', headers: plainHeaders, body: sent, search: '' },
    context,
  )
  // We have no @defer: an answer is always complete.
  const text = body.kind === 'complete' ? body.string : ''
  return {
    status: status ?? 200,
    headers: Object.fromEntries(headers),
    text,
    errors,
    ...(operation && { operation }),
  }
}

const plainHeaders = new HeaderMap([
  ['content-type', 'application/json'],
  ['accept', 'application/json'],
  ['prefer', 'return=minimal'],
])
