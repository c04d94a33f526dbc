import { answerOf, listOf, problem } from '../openapi.ts'
import { bulkItemSchema } from './item.ts'

const count = { type: 'integer', minimum: 0 }
const report = answerOf({
  accepted: { ...count, description: 'Recorded now.' },
  duplicate: { ...count, description: 'Known by their idempotency keys.' },
  rejected: { ...count, description: 'Refused.' },
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
})

/** `POST /api/events` for an OpenAPI document. */
export const bulkPaths = {
  '/api/events': {
    post: {
      operationId: 'postApiEvents',
      summary: 'Record events of any number, read as fast as they are written',
      description:
        'What was recorded stays when the connection breaks or a later event fails; errors count it. Repeats are safe with idempotency keys.',
      tags: ['events'],
      security: [{ bearer: [] }],
      requestBody: {
        required: true,
        content: {
          'application/x-ndjson': { schema: bulkItemSchema },
          'application/json': { schema: listOf(bulkItemSchema) },
        },
      },
      responses: {
        200: { description: 'Success', content: { 'application/json': { schema: report } } },
        ...Object.fromEntries(
          [400, 401, 403, 415, 422, 429, 500, 503].map((status) => [status, problem(status)]),
        ),
      },
    },
  },
} as const
