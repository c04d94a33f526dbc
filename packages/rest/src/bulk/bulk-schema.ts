import type { FastifySchema } from 'fastify'
import { objectSchema, arraySchema, problems, success } from '../route-schema.ts'
import { countOf, type BulkKind } from './kind.ts'
import { splitsOf } from './media-types.ts'

const rejections = {
  rejected: countOf('Refused.'),
  errors: {
    ...arraySchema(
      objectSchema({
        line: { type: 'integer', minimum: 1, description: 'The line number, or the position in the array.' },
        code: { type: 'string' },
        field: { type: ['string', 'null'] },
        message: { type: 'string' },
      }),
    ),
    maxItems: 1_000,
    description: 'The first thousand rejected elements.',
  },
}

/** The schema of a bulk route. Its body is a stream, whose elements are validated one by one. */
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
        { schema: type === 'application/json' ? arraySchema(schema) : schema },
      ]),
    ),
  },
  response: {
    200: success(objectSchema({ ...counts, ...rejections })),
    ...problems([400, 401, 403, 413, 415, 422, 429, 500, 503]),
  },
})
