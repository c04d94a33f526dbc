import { objectSchema, arraySchema } from '../route-schema.ts'
import { eventMembers } from '../event.schema.ts'
import type { JsonSchema, RestInput } from '../rest-route.ts'

/** Response shapes of the previous system that several ports use. */

/**
 * An instant as the previous system wrote it: UTC without offset, six decimals
 * (`2026-11-23T05:16:00.123000`).
 */
export const legacyInstant = (instant: string): string => `${instant.slice(0, -1)}000`

/** "3 events were deleted". */
export const deletedMessage = (count: number, noun: 'users' | 'events'): string =>
  `${String(count)} ${noun} were deleted`

const text: JsonSchema = { type: 'string' }
const day: JsonSchema = { type: 'string', format: 'date' }
const whole: JsonSchema = { type: 'integer', minimum: 0 }

export const storeIdParam: JsonSchema = { type: 'integer', minimum: 1, maximum: 2_147_483_647 }

export const messageAnswer = objectSchema({ message: text })

export const userAnswer = objectSchema({
  id: text,
  email: text,
  username: text,
  first_name: text,
  last_name: text,
  phone: { type: 'integer', minimum: 1, maximum: 999_999_999_999_999 },
  store_id: storeIdParam,
})

const ifNew = 'Only if `occurred_at` or an idempotency key was sent'
export const eventAnswer = objectSchema(
  {
    id: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
    type: text,
    store_id: storeIdParam,
    user_id: text,
    data: { type: 'object' },
    created_at: {
      type: 'string',
      description: 'When it was received: UTC without offset.',
      examples: ['2026-11-23T05:16:00.123000'],
    },
  },
  {
    occurred_at: {
      type: 'string',
      format: 'date-time',
      description: `When it happened, in UTC. ${ifNew}.`,
      examples: ['2026-11-23T05:16:00.123Z'],
    },
    duplicate: {
      type: 'boolean',
      description: `Whether the idempotency key was used before: this is the event recorded then. ${ifNew}.`,
    },
  },
)

const few = 'Null when it counts too few users to be shown to an analyst.'
export const dailyAmountAnswer = arraySchema(
  objectSchema({ date: day, event_amount: { ...whole, type: ['integer', 'null'], description: few } }),
)
export const dailyAverageAnswer = arraySchema(
  objectSchema({ date: day, event_avg_time: { type: ['number', 'null'], minimum: 0, description: few } }),
)

/**
 * The body of `POST /api/event`: the members of the previous system, and those of a line of `POST
 * /api/events`.
 */
export const eventBody: JsonSchema = {
  type: 'object',
  required: ['type', 'user_id'],
  properties: {
    ...eventMembers,
    idempotency_key: {
      ...eventMembers.idempotency_key,
      description: 'Takes precedence over the header `idempotency-key`.',
    },
  },
}

/** `Idempotency-Key`, for `POST /api/event`. */
export const idempotencyHeader: Readonly<Record<string, JsonSchema>> = {
  'idempotency-key': eventMembers.idempotency_key,
}

/** The result of recording an event. */
export interface RecordedData {
  readonly event: {
    readonly id: string
    readonly type: string
    readonly storeId: number
    readonly userId: string
    readonly data: unknown
    readonly createdAt: string
    readonly occurredAt: string
  }
  readonly duplicate: boolean
}

/** The selection that an operation needs for it. */
export const recordedSelection = 'event { id type storeId userId data createdAt occurredAt } duplicate'

/** An event as the previous system wrote it; with new members if the request used them. */
export const toLegacyEvent = (
  { event: { id, type, storeId, userId, data, createdAt, occurredAt }, duplicate }: RecordedData,
  { body, headers }: Pick<RestInput, 'body' | 'headers'>,
) => ({
  id: Number(id),
  type,
  store_id: storeId,
  user_id: userId,
  data,
  created_at: legacyInstant(createdAt),
  ...((body['occurred_at'] ?? body['idempotency_key'] ?? headers['idempotency-key']) !== undefined && {
    occurred_at: occurredAt,
    duplicate,
  }),
})

/** `from` and `to`, days of an aggregate; the previous system had none. */
export const dayRange = {
  from: { type: 'string', format: 'date', description: 'First UTC day, inclusive.' },
  to: { type: 'string', format: 'date', description: 'Before this UTC day.' },
} as const satisfies Record<string, JsonSchema>

/** `?store_id=`: the store that an admin names. */
export const storeIdQuery = {
  store_id: { ...storeIdParam, description: 'The store; for admins, and for analysts of all stores.' },
} as const satisfies Record<string, JsonSchema>
