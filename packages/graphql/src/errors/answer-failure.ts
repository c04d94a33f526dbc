import type { FastifyInstance } from 'fastify'
import { toAnswerable, type Logger, type Metrics } from '@user-stats/http'
import { graphqlExtensions } from './format-error.ts'

/** A GraphQL response over HTTP. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

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
