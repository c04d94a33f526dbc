import type { Harness } from './harness.ts'

/** A user, their action, and its time. */
export type Deed = readonly [userId: string, type: string, at: string]

/** Ten events of ann on three days, two of bob. */
export const history: readonly Deed[] = [
  ...['08:03:11.123', '08:04:00', '09:17:00', '23:59:59.999'].map(
    (time) => ['ann', 'view', `2026-03-01T${time}Z`] as const,
  ),
  ...['view', 'buy', 'view', 'buy'].map(
    (type, at) => ['ann', type, `2026-03-02T1${String(at)}:07:00Z`] as const,
  ),
  ['ann', 'view', '2026-04-30T00:00:00Z'] as const,
  ['ann', 'buy', '2026-04-30T12:14:59Z'] as const,
  ['bob', 'view', '2026-03-01T08:00:00Z'] as const,
  ['bob', 'view', '2026-04-30T08:00:00Z'] as const,
]

/** Records events of a store with data and idempotency keys. */
export async function recordDeeds(events: Harness, storeId: number, list: readonly Deed[]) {
  const { body } = await events.graphql(
    events.store(storeId),
    `mutation($input: RecordEventsInput!) {
      recordEvents(input: $input) { acceptedCount results { event { id } error { code } } }
    }`,
    {
      input: {
        events: list.map(([userId, type, occurredAt], at) => ({
          userId,
          type,
          occurredAt,
          data: { email: 'someone@example.org' },
          idempotencyKey: `${userId} ${String(at)} ${occurredAt}`,
        })),
      },
    },
  )
  return body.data.recordEvents
}

/** Recounts a store, or all. */
export async function verify(events: Harness, storeId: number | null) {
  const { body } = await events.graphql(
    events.admin,
    `query($storeId: Int) {
      verifyRollups(storeId: $storeId, from: "2026-01-01", to: "2026-12-31") { consistent eventsCounted differences { rollup } }
    }`,
    { storeId },
  )
  return body.data.verifyRollups
}

/** Blocks deletions of a store's event: the one at the given position in the order of time. */
export async function holdEvent(events: Harness, storeId: number, place: number) {
  const holder = await events.owner.connect()
  await holder.query('BEGIN')
  // Find it in a separate statement: skipping locked rows would lock them, too.
  const key =
    'SELECT occurred_at, id FROM events WHERE store_id = $1 ORDER BY occurred_at, id OFFSET $2 LIMIT 1'
  await holder.query(`SELECT FROM events WHERE store_id = $1 AND (occurred_at, id) = (${key}) FOR UPDATE`, [
    storeId,
    place,
  ])
  return {
    /** Resolves when a session waits for it. */
    async wanted(): Promise<void> {
      await untilSomeoneWaits(events, "locktype = 'transactionid'")
    },
    async [Symbol.asyncDispose]() {
      await holder.query('COMMIT')
      holder.release()
    },
  }
}

/** Resolves when a session of this database waits for a lock. @param which a condition on `pg_locks` */
export async function untilSomeoneWaits(events: Harness, which: string): Promise<void> {
  for (let waiting = 0; waiting === 0;) {
    const { rows } = await events.owner.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_locks WHERE ${which} AND NOT granted`,
    )
    waiting = rows[0]?.count ?? 0
  }
}
