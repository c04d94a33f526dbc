import { DatabaseError, type Pool, type PoolClient } from 'pg'
import { badInput, DomainError, type ErrorCode } from '@user-stats/core'
import { shareStoresSoon } from '../../database/store-lock.ts'
import { quarterSql } from '../rollup/quarters.ts'
import { refusalOf, type EmailFault } from './email-detector.ts'
import type { EventRow } from './event-row.ts'
import type { PreparedEvent } from './validation.ts'

/** An event to write, with the API key that sent it. */
export interface BatchItem {
  readonly event: PreparedEvent
  readonly keyId: string
  /** The store that the key is recorded under. */
  readonly keyStore: number
  /** Admins may name any known store; a blocked store does not stop them. */
  readonly admin: boolean
  /** The member that looks like an e-mail address, or null; absent when it has not been checked. */
  readonly email?: EmailFault | null
  /** The id of an imported event, which has no idempotency key; absent: the next of the sequence. */
  readonly id?: string
}

export type Outcome = { readonly event: EventRow; readonly duplicate: boolean } | DomainError

/**
 * The outcome of an event that was not written because its store refuses e-mail addresses and it has not been
 * checked.
 */
export const unchecked = new DomainError('INTERNAL_SERVER_ERROR')

/**
 * One statement: validates every item (an event of a day whose raw events are deleted is refused as
 * BAD_USER_INPUT), claims idempotency keys, writes new events and adds them to the five rollups. A user is
 * new to a day when the returned row holds exactly the counts of this batch. Every upsert is sorted by its
 * key, so that writers queue up instead of deadlocking.
 */
const writeText = `
WITH input AS MATERIALIZED (
  SELECT i.*, (i.occurred_at AT TIME ZONE 'UTC')::date AS day, ${quarterSql('i.occurred_at')} AS quarter
  FROM unnest($1::int[], $2::int[], $3::int[], $4::uuid[], $5::bool[], $6::text[], $7::text[], $8::text[],
              $9::timestamptz[], $10::timestamptz[], $11::text[], $12::bytea[], $13::bool[], $14::bigint[])
    AS i(ord, store_id, key_store, key_id, admin, type, user_id, data, occurred_at, created_at, key, fingerprint, email,
         given_id)
), judged AS MATERIALIZED (
  SELECT i.*, CASE
      WHEN r.key_id IS NOT NULL THEN 'KEY_REVOKED'
      WHEN a.state = 'DELETED' THEN 'STORE_NOT_FOUND'
      WHEN a.state = 'BLOCKED' AND NOT i.admin THEN 'STORE_BLOCKED'
      WHEN a.state IS NULL AND i.admin THEN 'STORE_NOT_FOUND'
      WHEN e.user_id IS NOT NULL THEN 'USER_ERASED'
      WHEN i.day < greatest(every.raw_from, own.raw_from) THEN 'BAD_USER_INPUT'
      WHEN s.refuse_email_like AND i.email IS NOT FALSE THEN 'EMAIL_LIKE'
    END AS refusal, greatest(every.raw_from, own.raw_from)::text AS raw_from
  FROM input i
  LEFT JOIN store_access a ON a.store_id = i.store_id
  LEFT JOIN revoked_keys r ON r.store_id = i.key_store AND r.key_id = i.key_id
    AND (r.effective_at IS NULL OR r.effective_at <= i.created_at)
  LEFT JOIN erased_users e ON e.store_id = i.store_id AND e.user_id = i.user_id
  LEFT JOIN store_settings s ON s.store_id = i.store_id
  LEFT JOIN retention own ON own.store_id = i.store_id
  LEFT JOIN retention every ON every.store_id = 0
), claimed AS (
  INSERT INTO idempotency_keys (store_id, key, fingerprint, event_id, occurred_at, created_at)
  SELECT store_id, key, fingerprint, nextval('events_id_seq'), occurred_at, created_at
  FROM judged WHERE refusal IS NULL AND key IS NOT NULL
  ORDER BY store_id, key
  ON CONFLICT (store_id, key) DO NOTHING
  RETURNING store_id, key, event_id
), fresh AS MATERIALIZED (
  SELECT j.*, coalesce(j.given_id, c.event_id, nextval('events_id_seq')) AS id
  FROM judged j LEFT JOIN claimed c ON c.store_id = j.store_id AND c.key = j.key
  WHERE j.refusal IS NULL AND (j.key IS NULL OR c.key IS NOT NULL)
), written AS (
  INSERT INTO events (store_id, occurred_at, id, user_id, type, data, created_at)
  SELECT store_id, occurred_at, id, user_id, type, data::jsonb, created_at FROM fresh
), quarters AS (
  INSERT INTO quarter_totals AS t (store_id, quarter, type, events)
  SELECT store_id, quarter, type, count(*) FROM fresh GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (store_id, quarter, type) DO UPDATE SET events = t.events + EXCLUDED.events
), incoming AS MATERIALIZED (
  SELECT store_id, type, day, user_id, count(*) AS events FROM fresh GROUP BY 1, 2, 3, 4
), user_types AS (
  INSERT INTO user_type_days AS t (store_id, type, day, user_id, events)
  SELECT store_id, type, day, user_id, events FROM incoming ORDER BY 1, 2, 3, 4
  ON CONFLICT (store_id, type, day, user_id) DO UPDATE SET events = t.events + EXCLUDED.events
  RETURNING store_id, type, day, user_id, events
), type_totals AS (
  INSERT INTO type_day_totals AS t (store_id, type, day, events, users)
  SELECT store_id, type, day, sum(b.events), count(*) FILTER (WHERE u.events = b.events)
  FROM incoming b JOIN user_types u USING (store_id, type, day, user_id)
  GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (store_id, type, day)
    DO UPDATE SET events = t.events + EXCLUDED.events, users = t.users + EXCLUDED.users
), incoming_days AS MATERIALIZED (
  SELECT store_id, day, user_id, sum(events)::bigint AS events FROM incoming GROUP BY 1, 2, 3
), users AS (
  INSERT INTO user_days AS t (store_id, day, user_id, events)
  SELECT store_id, day, user_id, events FROM incoming_days ORDER BY 1, 2, 3
  ON CONFLICT (store_id, day, user_id) DO UPDATE SET events = t.events + EXCLUDED.events
  RETURNING store_id, day, user_id, events
), totals AS (
  INSERT INTO day_totals AS t (store_id, day, events, users, quarter_events)
  SELECT store_id, day, sum(b.events), count(*) FILTER (WHERE u.events = b.events), sum(b.events)
  FROM incoming_days b JOIN users u USING (store_id, day, user_id)
  GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (store_id, day) DO UPDATE SET events = t.events + EXCLUDED.events, users = t.users + EXCLUDED.users,
    version = EXCLUDED.version, quarter_events = t.quarter_events + EXCLUDED.quarter_events
)
SELECT j.ord, j.refusal, CASE WHEN j.refusal IS NOT NULL THEN j.raw_from END AS raw_from, f.id
FROM judged j LEFT JOIN fresh f ON f.ord = j.ord`

const knownText = `
SELECT w.ord, k.fingerprint, e.id, e.store_id, e.user_id, e.type, e.data, e.occurred_at, e.created_at
FROM unnest($1::int[], $2::int[], $3::text[]) AS w(ord, store_id, key)
JOIN idempotency_keys k ON k.store_id = w.store_id AND k.key = w.key
LEFT JOIN events e ON e.store_id = k.store_id AND e.occurred_at = k.occurred_at AND e.id = k.event_id`

interface WrittenRow {
  readonly ord: number
  readonly refusal: ErrorCode | 'EMAIL_LIKE' | null
  /** The first day of the store's raw events, for a refused event. */
  readonly raw_from: string | null
  readonly id: string | null
}

interface KnownRow {
  readonly ord: number
  readonly fingerprint: Buffer
  readonly id: string | null
  readonly store_id: number
  readonly user_id: string
  readonly type: string
  readonly data: Record<string, unknown>
  readonly occurred_at: Date
  readonly created_at: Date
}

/**
 * A generic plan joins what was read and written row by row, which dominates for large batches; from this
 * size on planning for the actual batch (0.8 ms) is cheaper.
 */
const largeBatch = 40
const planning = (size: number): string =>
  size > largeBatch ? 'SET LOCAL plan_cache_mode = force_custom_plan; ' : ''

/**
 * Writes a batch in one transaction; resolves when it is on disk, with an outcome for each item in order.
 * No two items may carry the same idempotency key of the same store.
 *
 * @param pool of connections that pipeline statements: rows that the next batch needs too stay locked no
 *   longer than PostgreSQL itself takes
 * @throws what `pg` throws, a lock timeout when a store is locked: then nothing was written, or, when the
 *   connection broke at the end, the outcome is unknown
 */
export async function writeBatch(pool: Pool, items: readonly BatchItem[]): Promise<Outcome[]> {
  const client = await pool.connect()
  let broken = true
  try {
    const outcomes = await writeIn(client, items)
    broken = false
    return outcomes
  } catch (error) {
    // A failed statement has ended its transaction; a failed connection cannot be reused.
    broken = !(error instanceof DatabaseError)
    throw error
  } finally {
    client.release(broken)
  }
}

async function writeIn(client: PoolClient, items: readonly BatchItem[]): Promise<Outcome[]> {
  const [begun, written, committed] = await Promise.allSettled([
    client.query(
      `BEGIN; ${planning(items.length)}${shareStoresSoon(items.map(({ event }) => event.storeId))}`,
    ),
    client.query<WrittenRow>({ name: 'write-batch', text: writeText, values: columns(items) }),
    // PostgreSQL turns the COMMIT of a failed transaction into a ROLLBACK.
    client.query('COMMIT'),
  ])
  // The first failure has the reason.
  if (begun.status === 'rejected') throw begun.reason
  if (written.status === 'rejected') throw written.reason
  if (committed.status === 'rejected') throw committed.reason
  const outcomes = new Array<Outcome>(items.length)
  const repeated: number[] = []
  for (const { ord, refusal, raw_from: rawFrom, id } of written.value.rows) {
    const item = items[ord]
    if (item === undefined) continue
    if (refusal === 'BAD_USER_INPUT') outcomes[ord] = notKept(rawFrom)
    else if (refusal === 'EMAIL_LIKE') outcomes[ord] = item.email ? refusalOf(item.email) : unchecked
    else if (refusal !== null) outcomes[ord] = new DomainError(refusal)
    else if (id !== null) outcomes[ord] = { event: toRow(item.event, id), duplicate: false }
    else repeated.push(ord)
  }
  if (repeated.length > 0) await findKnown(client, items, repeated, outcomes)
  return outcomes
}

/** The distinct users of such a day can no longer be determined, so nothing is added to it. */
const notKept = (rawFrom: string | null): DomainError =>
  badInput('occurredAt', `must not be before ${String(rawFrom)}: earlier raw events are no longer kept`)

/** Items whose key was used: for an event of the same content, of other content, or one that is deleted. */
async function findKnown(
  client: PoolClient,
  items: readonly BatchItem[],
  repeated: readonly number[],
  outcomes: Outcome[],
): Promise<void> {
  const wanted = repeated.flatMap((ord) => items[ord]?.event ?? [])
  const { rows } = await client.query<KnownRow>({
    name: 'find-known',
    text: knownText,
    values: [repeated, wanted.map(({ storeId }) => storeId), wanted.map(({ key }) => key)],
  })
  for (const row of rows) {
    if (items[row.ord]?.event.fingerprint?.equals(row.fingerprint) !== true)
      outcomes[row.ord] = new DomainError('IDEMPOTENCY_KEY_REUSED', { field: 'idempotencyKey' })
    else if (row.id === null) outcomes[row.ord] = new DomainError('EVENT_ERASED')
    else
      outcomes[row.ord] = {
        duplicate: true,
        event: {
          id: row.id,
          storeId: row.store_id,
          userId: row.user_id,
          type: row.type,
          data: row.data,
          occurredAt: row.occurred_at,
          createdAt: row.created_at,
        },
      }
  }
  // The key's window ended in the meantime. A retry records the event.
  for (const ord of repeated) outcomes[ord] ??= new DomainError('SERVICE_UNAVAILABLE')
}

const columns = (items: readonly BatchItem[]): unknown[] => [
  items.map((_item, ord) => ord),
  items.map(({ event }) => event.storeId),
  items.map(({ keyStore }) => keyStore),
  items.map(({ keyId }) => keyId),
  items.map(({ admin }) => admin),
  items.map(({ event }) => event.type),
  items.map(({ event }) => event.userId),
  items.map(({ event }) => event.json),
  items.map(({ event }) => event.occurredAt.toISOString()),
  items.map(({ event }) => event.receivedAt.toISOString()),
  items.map(({ event }) => event.key),
  items.map(({ event }) => event.fingerprint),
  items.map(({ email }) => (email === undefined ? null : email !== null)),
  items.map(({ id }) => id ?? null),
]

const toRow = (
  { storeId, userId, type, data, occurredAt, receivedAt }: PreparedEvent,
  id: string,
): EventRow => ({
  id,
  storeId,
  userId,
  type,
  data,
  occurredAt,
  createdAt: receivedAt,
})
