import type { EventsDb } from '@user-stats/prisma-events'
import { deleteChunk } from '../../database/delete-chunk.ts'
import { withExclusiveStoreLock, withSharedStoreLock } from '../../database/store-lock.ts'
import { changeVersion } from '../rollup/day-totals.ts'
import { dayRows } from '../rollup/delete-day.ts'

export interface SweepOptions {
  readonly db: EventsDb
  /** The UTC day so many days before today. */
  readonly daysAgo: (count: number) => string
  readonly stopped: () => boolean
}

/** Rows per transaction. */
const chunk = 10_000

/**
 * Deletes raw events of stores with a shorter retention time. First, with the exclusive lock, it records the
 * first day that is kept: from then on nothing is added to earlier days and no query reads them. Then it
 * deletes them in chunks, concurrently with the store's writers. The next run continues an interrupted one.
 */
export async function sweepStores({ db, daysAgo, stopped }: SweepOptions): Promise<void> {
  const settings = await db.prisma.storeSettings.findMany({ orderBy: { storeId: 'asc' } })
  const retained = await db.prisma.retention.findMany()
  const rawFromOf = new Map(retained.map(({ storeId, rawFrom }) => [storeId, dayOf(rawFrom)]))
  for (const { storeId, retentionDays: days } of settings) {
    if (stopped()) return
    const rawFrom = rawFromOf.get(storeId) ?? null
    const limit = days === null ? null : daysAgo(days)
    if (limit !== null && (rawFrom ?? '') < limit) await recordRawFrom(db, storeId, limit)
    // Deleted days do not return when the retention time becomes longer.
    const from = (rawFrom ?? '') < (limit ?? '') ? limit : rawFrom
    if (from !== null) await sweepStore(db, storeId, from, stopped)
  }
}

const dayOf = (date: Date): string => date.toISOString().slice(0, 10)

const recordRawFrom = (db: EventsDb, storeId: number, day: string): Promise<unknown> =>
  withExclusiveStoreLock(db, storeId, async (_client, prisma) => {
    const rawFrom = new Date(day)
    await prisma.retention.updateMany({ where: { storeId, rawFrom: { lt: rawFrom } }, data: { rawFrom } })
    await prisma.retention.createMany({ data: { storeId, rawFrom }, skipDuplicates: true })
  })

async function sweepStore(
  db: EventsDb,
  storeId: number,
  before: string,
  stopped: () => boolean,
): Promise<void> {
  for (;;) {
    const { rows } = await db.pool.query<{ day: string | null }>(
      'SELECT min(day)::text AS day FROM user_days WHERE store_id = $1 AND day < $2::date',
      [storeId, before],
    )
    const day = rows[0]?.day ?? null
    if (day === null) return
    for (const table of dayRows)
      for (let more = true; more;) {
        if (stopped()) return
        ;({ more } = await withSharedStoreLock(db, storeId, async (client) => {
          if (table.name === 'events') await changeVersion(client, storeId, day)
          return await deleteChunk(client, table, [storeId, day], chunk)
        }))
      }
  }
}
