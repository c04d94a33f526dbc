import type { Pool } from 'pg'
import {
  badInput,
  DomainError,
  isTurnOver,
  nextTurn,
  recordedTenantOf,
  tenantOf,
  type Caller,
  fromCursor,
  requireFirst,
  type Page,
  type PageRequest,
} from '@user-stats/core'
import { keyStoreOf, type Access } from '../access/access.service.ts'
import type { BatchItem, Outcome } from './write-batch.ts'
import type { EventRow } from './event-row.ts'
import type { Ingest } from './ingest-queue.ts'
import { prepareEvent, requireEvent, requireText, type EventInput } from './validation.ts'

export interface EventFilter {
  readonly userId?: string | null
  readonly types?: readonly string[] | null
  readonly from?: Date | null
  readonly to?: Date | null
}

export interface Recorded {
  readonly event: EventRow
  readonly duplicate: boolean
}

const maxBulk = 1_000
/** Bytes of `data` at which a page ends early: each event may have 64 KiB. */
const maxPageBytes = 4 * 1_024 * 1_024
/** Rows read before their size is known. */
const firstPiece = 500

export interface EventsOptions {
  readonly pool: Pool
  readonly access: Access
  readonly ingest: Ingest
  readonly clock: () => Date
}

/** Whether an error applies to all events of a caller. An admin names a store for each event. */
const isRefused = ({ role }: Caller, { code }: DomainError): boolean =>
  code === 'KEY_REVOKED' ||
  ((role === 'STORE' || role === 'WRITER') && (code === 'STORE_BLOCKED' || code === 'STORE_NOT_FOUND'))

type Recorder = Extract<Caller, { role: 'STORE' | 'ADMIN' | 'WRITER' }>
const mayRecord = (caller: Caller): caller is Recorder =>
  caller.role === 'STORE' || caller.role === 'ADMIN' || caller.role === 'WRITER'

/** @throws BAD_USER_INPUT when a publishable key is not for events of this type */
function requireAllowedType(caller: Recorder, type: string): void {
  if (caller.role === 'WRITER' && caller.types.length > 0 && !caller.types.includes(type))
    throw badInput('type', 'must be one of those that this key may record (allowedTypes)')
}

export type Events = ReturnType<typeof createEvents>

/** Recording and reading raw events. */
export function createEvents({ pool, access, ingest, clock }: EventsOptions) {
  /** @throws BAD_USER_INPUT with all that is wrong with the event, FORBIDDEN */
  function toItem(caller: Caller, input: EventInput, receivedAt: Date): BatchItem {
    const requireStore = (): number => recordedTenantOf(caller, input.storeId)
    try {
      const event = prepareEvent(input, requireStore(), receivedAt)
      if (!mayRecord(caller)) throw new DomainError('FORBIDDEN')
      requireAllowedType(caller, event.type)
      return { event, keyId: caller.keyId, keyStore: keyStoreOf(caller), admin: caller.role === 'ADMIN' }
    } catch (error) {
      requireEvent(input, requireStore, receivedAt)
      throw error
    }
  }

  function itemOrRefusal(caller: Caller, input: EventInput, receivedAt: Date): BatchItem | DomainError {
    try {
      return toItem(caller, input, receivedAt)
    } catch (error) {
      if (error instanceof DomainError) return error
      throw error
    }
  }

  return {
    /**
     * @throws BAD_USER_INPUT, IDEMPOTENCY_KEY_REUSED, EVENT_ERASED, USER_ERASED, QUEUE_FULL and errors of
     * access
     */
    async record(caller: Caller, input: EventInput): Promise<Recorded> {
      let item: BatchItem
      try {
        item = toItem(caller, input, clock())
      } catch (error) {
        // Report missing access before faults of the event.
        await access.assertActive(caller, null)
        throw error
      }
      const [outcome] = await ingest.record([item])
      if (outcome === undefined) throw new DomainError('INTERNAL_SERVER_ERROR')
      if (outcome instanceof DomainError) throw outcome
      return outcome
    },

    /**
     * Records up to 1,000 events; each has an outcome of its own, in order.
     *
     * @throws BAD_USER_INPUT for their number, QUEUE_FULL, and errors of access that concern them all
     */
    async recordMany(caller: Caller, inputs: readonly EventInput[]): Promise<Outcome[]> {
      // A caller without access gets one error, not one per event.
      if (!mayRecord(caller)) tenantOf(caller)
      if (inputs.length > maxBulk)
        throw badInput('events', `must be ${maxBulk.toLocaleString('en')} events at most`)
      const receivedAt = clock()
      const prepared: (BatchItem | DomainError)[] = []
      for (const input of inputs) {
        if (isTurnOver()) await nextTurn()
        prepared.push(itemOrRefusal(caller, input, receivedAt))
      }
      const written = await ingest.record(
        prepared.filter((item): item is BatchItem => !(item instanceof DomainError)),
      )
      // The writer checks the caller's key and store, if there is anything to write.
      if (written.length === 0) await access.assertActive(caller, null)
      else if (written.every((outcome) => outcome instanceof DomainError))
        for (const outcome of written) if (isRefused(caller, outcome)) throw outcome
      let next = 0
      return prepared.map((item) => {
        if (item instanceof DomainError) return item
        return written[next++] ?? new DomainError('INTERNAL_SERVER_ERROR')
      })
    },

    /**
     * A page of a store's events, newest first, with one row more than requested when more follow.
     *
     * @throws BAD_USER_INPUT for `first` and `after`, and errors of access
     */
    async page(
      caller: Caller,
      storeId: number | null | undefined,
      filter: EventFilter,
      { first, after }: PageRequest,
    ): Promise<Page<EventRow>> {
      const tenant = tenantOf(caller, storeId)
      requireFirst(first)
      if (filter.userId != null) requireText('userId', filter.userId, 128)
      for (const type of filter.types ?? []) requireText('types', type, 128)
      let cursor = after == null ? null : parseCursor(after)
      await access.assertActive(caller, tenant)
      const read = async (limit: number, from: Position | null) =>
        await pool.query<EventRow & { dataBytes: number }>({
          text: `SELECT id, store_id AS "storeId", user_id AS "userId", type, data,
                      octet_length(data::text) AS "dataBytes", occurred_at AS "occurredAt", created_at AS "createdAt"
               FROM events
               WHERE store_id = $1
                 AND ($2::text IS NULL OR user_id = $2)
                 AND ($3::text[] IS NULL OR type = ANY ($3))
                 AND occurred_at >= coalesce($4::timestamptz, '-infinity')
                 AND occurred_at < coalesce($5::timestamptz, 'infinity')
                 AND ($6::timestamptz IS NULL OR (occurred_at, id) < ($6, $7::bigint))
               ORDER BY occurred_at DESC, id DESC
               LIMIT $8`,
          values: [
            tenant,
            filter.userId ?? null,
            filter.types ?? null,
            filter.from ?? null,
            filter.to ?? null,
            from?.occurredAt ?? null,
            from?.id ?? null,
            limit,
          ],
        })
      const page: EventRow[] = []
      let bytes = 0
      for (;;) {
        const limit = Math.min(first + 1 - page.length, nextPieceLength(page.length, bytes))
        const { rows } = await read(limit, cursor)
        for (const row of rows) {
          bytes += row.dataBytes
          if (bytes > maxPageBytes && page.length > 0)
            return { rows: page.slice(0, first), hasNextPage: true }
          page.push(row)
        }
        if (rows.length < limit || page.length > first)
          return { rows: page.slice(0, first), hasNextPage: page.length > first }
        cursor = rows.at(-1) ?? null
      }
    },
  }
}

/** The number of rows to read next: enough to fill the rest of the page, by an estimate. */
const nextPieceLength = (rows: number, bytes: number): number =>
  rows === 0 ? firstPiece : Math.max(firstPiece, Math.floor(((maxPageBytes - bytes) * rows) / (bytes + 1)))

/** The position of an event in the order of pages. */
export const positionOf = ({ occurredAt, id }: EventRow): string => `${String(occurredAt.getTime())}:${id}`
const isPosition = (text: string): boolean => /^-?\d{1,15}:\d{1,16}$/.test(text)

type Position = Pick<EventRow, 'occurredAt' | 'id'>

function parseCursor(cursor: string): Position {
  const [time, id = ''] = fromCursor(cursor, isPosition).split(':')
  return { occurredAt: new Date(Number(time)), id }
}
