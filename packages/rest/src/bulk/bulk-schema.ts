import type { FastifySchema } from 'fastify'
import { answerOf, listOf, problems, success } from '../route-schema.ts'
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

/** The schema of a bulk route. Its body is a stream, of which each element is validated by itself. */
export const bulkSchemaOf = ({
  path,
  summary,
  description,
  tag,
  plainText,
  schema,
  counts,
}: BulkKind): FastifySchema => ({
  operationId: `postApi${path.slice(5, 6).toUpperCase()}${path.slice(6)}`,
  summary,
  description,
  tags: [tag],
  security: [{ bearer: [] }],
  body: {
    // One after the other in all but the first.
    content: Object.fromEntries(
      [...splitsOf({ plainText }).keys()].map((type) => [
        type,
        { schema: type === 'application/json' ? listOf(schema) : schema },
      ]),
    ),
  },
  response: {
    200: success(answerOf({ ...counts, ...rejections })),
    ...problems([400, 401, 403, 413, 415, 422, 429, 500, 503]),
  },
})
