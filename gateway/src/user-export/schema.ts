import { objectSchema, arraySchema, problems, success } from '@user-stats/rest'

const text = { type: 'string' }
const textOrNull = { type: ['string', 'null'], description: 'Null if not set.' }
const instant = { type: 'string', format: 'date-time' }
const count = { type: 'integer', minimum: 0 }

const user = objectSchema({
  id: text,
  email: text,
  username: textOrNull,
  firstName: textOrNull,
  lastName: textOrNull,
  phone: { type: ['integer', 'null'] },
  externalId: textOrNull,
  createdAt: instant,
  updatedAt: instant,
  store: objectSchema({ id: { type: 'integer' }, name: text }),
})
const event = objectSchema({
  id: text,
  type: text,
  data: { type: 'object' },
  occurredAt: instant,
  createdAt: instant,
})

/** The schema of `GET /api/user/:id/export`. */
export const exportSchema = {
  operationId: 'getApiUserIdExport',
  summary: 'Everything stored about a user, streamed',
  description:
    'Ends with `"complete": true`; an export without it was cut off and must be fetched again. Events recorded before `startedAt` are included once; those recorded or deleted during the export may or may not be.',
  tags: ['users'],
  security: [{ bearer: [] }],
  params: { type: 'object', properties: { id: text }, required: ['id'] },
  response: {
    200: success(
      objectSchema({
        format: { type: 'string', const: 'user-statistics/user-export/1' },
        startedAt: instant,
        user,
        events: arraySchema(event),
        idempotencyKeys: arraySchema(objectSchema({ key: text, eventId: text, createdAt: instant })),
        counts: objectSchema({ events: count, idempotencyKeys: count }),
        complete: { type: 'boolean', const: true },
      }),
    ),
    ...problems([400, 401, 403, 404, 429, 500, 503]),
  },
} as const
