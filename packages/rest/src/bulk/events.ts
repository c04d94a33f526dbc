import { eventMembers } from '../event.schema.ts'
import { countOf, type BulkKind, type ElementResult } from './kind.ts'

/** `POST /api/events`: any number of events. Each thousand are one `recordEvents`. */
export const eventBulk: BulkKind = {
  path: '/api/events',
  summary: 'Record any number of events, streamed',
  description:
    'Recorded events stay when the connection breaks or a later event fails; error responses include the counts. Repeating is safe with idempotency keys.',
  tag: 'events',
  plainText: true,
  publishable: true,
  noun: 'an event',
  schema: {
    type: 'object',
    required: ['type', 'user_id'],
    additionalProperties: false,
    properties: eventMembers,
  },
  fields: {
    userId: 'user_id',
    storeId: 'store_id',
    occurredAt: 'occurred_at',
    idempotencyKey: 'idempotency_key',
  },
  operation: `mutation RecordEvents($input: RecordEventsInput!) {
  recordEvents(input: $input) { results { duplicate error { code field message } } }
}`,
  variables: (events) => ({ input: { events } }),
  results: ({ recordEvents }) => (recordEvents as { readonly results: readonly ElementResult[] }).results,
  batch: { size: 1_000, atOnce: 3 },
  counts: {
    accepted: countOf('Recorded now.'),
    duplicate: countOf('Duplicates by idempotency key.'),
  },
  createTally() {
    const counts = { accepted: 0, duplicate: 0 }
    return {
      add: (_line, { duplicate }: { readonly duplicate: boolean }) => {
        counts[duplicate ? 'duplicate' : 'accepted'] += 1
      },
      counts: () => counts,
    }
  },
}
