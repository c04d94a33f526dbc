import type { EventsDatabase } from '@user-stats/prisma-events'
import { withExclusiveStoreLock } from '../database/store-lock.ts'

/** Ids that are kept free beyond the greatest of the previous system, which may go on recording. */
const headroom = 1_000_000
/**
 * Events whose id is already used here get one at the upper end, at a fixed distance, which the sequence
 * never reaches and a repeated import finds again. Below 2^53, like every id.
 */
const firstRenumbered = Number.MAX_SAFE_INTEGER - 2 ** 32

interface Range {
  readonly first: number
  readonly last: number
}

/** Which ids events of the previous system keep. */
export function createImportedIds(db: EventsDatabase) {
  let reserved: readonly Range[] = []
  return {
    firstRenumbered,

    /** The id of an event here. */
    of: (id: number): number =>
      reserved.some(({ first, last }) => id >= first && id <= last) ? id : firstRenumbered + id,

    /**
     * Reserves the ids up to the greatest of the previous system that this one has not given to events of its
     * own. It goes on numbering beyond them. May be repeated.
     */
    async reserve(greatest: number): Promise<void> {
      // Alone with all stores: no writer is about to use an id of the sequence.
      await withExclusiveStoreLock(db, 0, async (client) => {
        const { rows } = await client.query<{ first: string; last: string }>(
          'SELECT first_id AS first, last_id AS last FROM imported_ids WHERE store_id = 0 ORDER BY first_id',
        )
        const ranges = rows.map(({ first, last }) => ({ first: Number(first), last: Number(last) }))
        if (greatest > (ranges.at(-1)?.last ?? 0)) {
          const sequence = await client.query<{ given: string }>(
            'SELECT last_value - (NOT is_called)::int AS given FROM events_id_seq',
          )
          const first = Number(sequence.rows[0]?.given) + 1
          const last = greatest + headroom
          if (first <= greatest) {
            await client.query('INSERT INTO imported_ids (store_id, first_id, last_id) VALUES (0, $1, $2)', [
              first,
              last,
            ])
            await client.query(`SELECT setval('events_id_seq', $1::bigint)`, [last])
            ranges.push({ first, last })
          }
        }
        reserved = ranges
      })
    },
  }
}
