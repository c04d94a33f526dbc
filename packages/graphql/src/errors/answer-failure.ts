import type { FastifyInstance } from 'fastify'
import { failedRequestOf, toPublicError } from '@user-stats/http'
import type { GraphResult } from '../request.ts'
import { formatFailure } from './format-error.ts'
import { reportErrors } from './report-errors.ts'

/** A GraphQL response over HTTP. */
export interface HttpAnswer extends Pick<GraphResult, 'errors' | 'operation'> {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/**
 * The response to a request that failed before any operation: GraphQL clients expect errors, not problem
 * documents.
 */
export function answerFailure(thrown: unknown): HttpAnswer {
  const error = toPublicError(thrown)
  const errors = [formatFailure(error)]
  return {
    // For GraphQL over HTTP, a rule violated before a document was read is a bad request.
    status: error.status === 422 ? 400 : error.status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      ...(error.retryAfter !== undefined && { 'retry-after': String(error.retryAfter) }),
      ...(error.status === 401 && { 'www-authenticate': 'Bearer' }),
    },
    text: JSON.stringify({ errors }),
    errors,
  }
}

/** Makes the routes of a Fastify scope answer early failures in that form. */
export function answerFailures(scope: FastifyInstance): void {
  scope.setErrorHandler((error, request, reply) => {
    const answer = answerFailure(error)
    reportErrors(scope.errors, answer, () => failedRequestOf(request))
    void reply.code(answer.status).headers(answer.headers).send(answer.text)
  })
}
