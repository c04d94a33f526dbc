import type { GraphQLFormattedError } from 'graphql'
import type { ErrorReporter, FailedRequest } from '@user-stats/http'
import type { GraphResult } from '../request.ts'
import { originalOf } from './format-error.ts'

/** Reports the errors in a response. */
export function reportErrors(
  reporter: Pick<ErrorReporter, 'report'>,
  { errors = [], operation }: Pick<GraphResult, 'errors' | 'operation'>,
  request: () => FailedRequest,
): void {
  if (errors.length > 0) reporter.report(errors.map(toAnswered), { ...request(), operation })
}

function toAnswered(error: GraphQLFormattedError) {
  const code = error.extensions?.['code']
  return { code: typeof code === 'string' ? code : 'INTERNAL_SERVER_ERROR', error: originalOf(error) }
}
