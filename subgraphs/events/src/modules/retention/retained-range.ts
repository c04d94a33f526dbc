import type { Pool, PoolClient } from 'pg'
import { DomainError } from '@user-stats/core'

/** One store, several, or (null) all of them. */
export type StoreScope = number | readonly number[] | null

/**
 * Checks that all raw events and user rows of a range of UTC days are still kept. Days without events of the
 * stores need none.
 *
 * In a snapshot, call this in the same transaction, after a `LOCK TABLE … IN ACCESS SHARE MODE` at its start.
 * Otherwise call it after reading: whatever was deleted before the read is detected.
 *
 * @param from the first day; null: from the beginning
 * @param to the day after the last; null: no end
 * @throws RANGE_NOT_RETAINED naming the first day that is kept
 */
export async function requireRetained(
  db: Pool | PoolClient,
  scope: StoreScope,
  from: string | null,
  to: string | null = null,
): Promise<void> {
  const stores = scope === null || typeof scope === 'object' ? scope : [scope]
  const { rows } = await db.query<{ raw_from: string | null }>({
    name: 'require-retained',
    text: `SELECT max(greatest(every.raw_from, own.raw_from))::text AS raw_from
           FROM day_totals d
           LEFT JOIN retention own ON own.store_id = d.store_id
           LEFT JOIN retention every ON every.store_id = 0
           WHERE ($1::int[] IS NULL OR d.store_id = ANY ($1))
             AND d.day >= coalesce($2::date, '-infinity') AND d.day < coalesce($3::date, 'infinity')
             AND d.day < greatest(every.raw_from, own.raw_from)`,
    values: [stores, from, to],
  })
  const rawFrom = rows[0]?.raw_from
  if (rawFrom == null) return
  throw new DomainError('RANGE_NOT_RETAINED', {
    field: 'from',
    message: `from: raw events before ${rawFrom} are no longer kept, and this range cannot be answered without them`,
  })
}
