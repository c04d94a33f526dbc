import { HeaderMap } from '@apollo/server'
import { answerFailure, type HttpAnswer } from './errors/answer-failure.ts'
import { appendExtensions, type CostExtension } from './limits/cost-extension.ts'
import type { GraphRequest, GraphResult, RequestContext } from './request.ts'
import type { GraphServer } from './graph-server.ts'
import { httpStatusFor } from './plugins/http-status.ts'
import { serializeAnswer } from './serialize-answer.ts'

const noHeaders = {}

/**
 * Executes an operation with the server's engine.
 *
 * @param client whether it accepts `application/graphql-response+json`, and whether it wants
 *   `extensions.cost`
 * @returns undefined when the operation must take the ordinary path; nothing has been executed then
 */
export async function answerCached<Context extends RequestContext>(
  server: GraphServer<Context>,
  request: GraphRequest,
  context: Context,
  { mediaType, includeExtensions }: { readonly mediaType: string; readonly includeExtensions: boolean },
): Promise<HttpAnswer | undefined> {
  const answer = await server.executeCached(request, context)
  if (answer === undefined) return undefined
  const costExtension = includeExtensions ? answer.costExtension : undefined
  if ('text' in answer)
    return {
      status: 200,
      headers: noHeaders,
      text: costExtension ? appendExtensions(answer.text, costExtension) : answer.text,
    }
  const { errors, operation } = answer
  const { status, headers } = httpStatusFor(answer, { mediaType })
  return await textOf(answer, costExtension)
    .then((text) => ({ status: status ?? (answer.data === undefined ? 500 : 200), headers, text, errors }))
    .catch(answerFailure)
    .then((answered) => ({ ...answered, operation }))
}

const textOf = async (
  { data, errors }: GraphResult,
  costExtension: CostExtension | undefined,
): Promise<string> => `${await serializeAnswer({ errors, data, extensions: costExtension?.extensions })}\n`

/** Executes an operation of an ordinary request. */
export async function answerPlain<Context extends RequestContext>(
  server: GraphServer<Context>,
  request: GraphRequest,
  context: Context,
): Promise<HttpAnswer> {
  const cached = await answerCached(server, request, context, {
    mediaType: 'application/json',
    includeExtensions: false,
  })
  if (cached !== undefined) return cached
  const { query, variables, operationName } = request
  const sent = { query, variables, ...(operationName !== undefined && { operationName }) }
  const { status, headers, body, errors, operation } = await server.executeHttp(
    { method: 'POST', headers: plainHeaders, body: sent, search: '' },
    context,
  )
  // Without @defer, a response is always complete.
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
