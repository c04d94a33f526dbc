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

/** The answer to a request that failed before any operation: a GraphQL client reads errors, not problem documents. */
export function answerFailure(thrown: unknown): HttpAnswer {
  const error = toPublicError(thrown)
  const errors = [formatFailure(error)]
  return {
    // What breaks a rule of ours before a document was read is a bad request to GraphQL over HTTP.
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

/** Makes the routes of a scope answer that way what fails before any operation. */
export function answerFailures(scope: FastifyInstance): void {
  scope.setErrorHandler((error, request, reply) => {
    const answer = answerFailure(error)
    reportErrors(scope.errors, answer, () => failedRequestOf(request))
    void reply.code(answer.status).headers(answer.headers).send(answer.text)
  })
}
