import type { JsonSchema } from './rest-route.ts'

/** Members of an event in a body or a line of a bulk. */
export const eventMembers = {
  type: { type: 'string', minLength: 1, maxLength: 128 },
  user_id: { type: 'string', minLength: 1, maxLength: 128 },
  data: {
    // The only valid array is the empty one: PHP serializes an empty object so.
    type: ['object', 'array', 'null'],
    maxItems: 0,
    description: 'Up to 64 KiB and 32 levels. Absent, null and `[]` are an empty object.',
  },
  store_id: {
    type: 'integer',
    minimum: 1,
    maximum: 2_147_483_647,
    description: 'Required for admins; others may only name their own.',
  },
  occurred_at: {
    type: 'string',
    format: 'date-time',
    description: 'When it happened; the time of receipt if absent.',
  },
  idempotency_key: {
    type: 'string',
    minLength: 1,
    maxLength: 255,
    description: "The sender's own key for this event: a repeat returns the first event and records nothing.",
  },
} as const satisfies Readonly<Record<string, JsonSchema>>
