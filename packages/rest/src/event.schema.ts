import type { JsonSchema } from './row.ts'

/** Members of an event as a body or a line of a bulk has them. */
export const eventMembers = {
  type: { type: 'string', minLength: 1, maxLength: 128 },
  user_id: { type: 'string', minLength: 1, maxLength: 128 },
  data: {
    // Of an array none but the empty one: PHP writes an empty object so.
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
    description: "The sender's own name for this event: a repeat answers the first one and counts nothing.",
  },
} as const satisfies Readonly<Record<string, JsonSchema>>
