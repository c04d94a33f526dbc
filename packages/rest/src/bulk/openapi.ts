import { answerOf, listOf, problem } from '../openapi.ts'
import { countOf, type BulkKind } from './kind.ts'
import { splitsOf } from './media-types.ts'

const rejections = {
  rejected: countOf('Refused.'),
  errors: {
    ...listOf(
      answerOf({
        line: { type: 'integer', minimum: 1, description: 'The line, or the element of the array.' },
        code: { type: 'string' },
        field: { type: ['string', 'null'] },
        message: { type: 'string' },
      }),
    ),
    maxItems: 1_000,
    description: 'The first thousand of the rejected.',
  },
}

/** The paths of bulk routes for an OpenAPI document. */
export const bulkPaths = (...kinds: readonly BulkKind[]): Record<string, Record<string, unknown>> =>
  Object.fromEntries(kinds.map((kind) => [kind.path, { post: operationOf(kind) }]))

const operationOf = ({ path, summary, description, tag, plainText, schema, counts }: BulkKind) => ({
  operationId: `postApi${path.slice(5, 6).toUpperCase()}${path.slice(6)}`,
  summary,
  description,
  tags: [tag],
  security: [{ bearer: [] }],
  requestBody: {
    required: true,
    // One after the other in all but the first.
    content: Object.fromEntries(
      [...splitsOf({ plainText }).keys()].map((type) => [
        type,
        { schema: type === 'application/json' ? listOf(schema) : schema },
      ]),
    ),
  },
  responses: {
    200: {
      description: 'Success',
      content: { 'application/json': { schema: answerOf({ ...counts, ...rejections }) } },
    },
    ...Object.fromEntries(
      [400, 401, 403, 413, 415, 422, 429, 500, 503].map((status) => [status, problem(status)]),
    ),
  },
})
