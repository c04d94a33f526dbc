import type { PrismaDb } from '@user-stats/prisma-events'
import { badInput, fromCursor, tenantOf, type Caller } from '@user-stats/core'
import type { Access } from '../access/access.service.ts'
import { requireText } from '../event/validation.ts'

/** An idempotency key that is still kept, and its event. */
export interface KeyRow {
  readonly key: string
  readonly eventId: string
  readonly createdAt: Date
}

export interface KeyPage {
  readonly rows: readonly KeyRow[]
  /** The last scanned key. */
  readonly last: string | null
  readonly hasNextPage: boolean
}

const maxPage = 10_000

export type IdempotencyKeys = ReturnType<typeof createIdempotencyKeys>

/**
 * Idempotency keys by user. They are indexed by store and key only, so a page scans a range of the store's
 * keys.
 */
export function createIdempotencyKeys({
  prisma,
  access,
}: {
  readonly prisma: PrismaDb
  readonly access: Access
}) {
  return {
    /** @throws BAD_USER_INPUT, and errors of access */
    async page(
      caller: Caller,
      named: number | null | undefined,
      userId: string,
      { first, after }: { readonly first: number; readonly after?: string | null },
    ): Promise<KeyPage> {
      const storeId = tenantOf(caller, named)
      requireText('userId', userId, 128)
      if (first < 1 || first > maxPage) throw badInput('first', 'must be 1 to 10,000')
      const from = after == null ? null : fromCursor(after, isKey)
      await access.assertActive(caller, storeId)
      const rows = await prisma.$queryRaw<(Omit<KeyRow, 'eventId'> & { eventId: bigint; own: boolean })[]>`
        SELECT k.key, k.event_id AS "eventId", k.created_at AS "createdAt",
               EXISTS (
                 SELECT FROM events e
                 WHERE e.store_id = ${storeId} AND e.occurred_at = k.occurred_at AND e.id = k.event_id
                   AND e.user_id = ${userId}
               ) AS own
        FROM idempotency_keys k
        WHERE k.store_id = ${storeId} AND (${from}::text IS NULL OR k.key > ${from})
        ORDER BY k.key LIMIT ${first + 1}`
      const looked = rows.slice(0, first)
      return {
        rows: looked
          .filter(({ own }) => own)
          .map(({ key, eventId, createdAt }) => ({ key, eventId: String(eventId), createdAt })),
        last: looked.at(-1)?.key ?? null,
        hasNextPage: rows.length > first,
      }
    },
  }
}

const isKey = (text: string): boolean => text !== '' && !text.includes('\0')
