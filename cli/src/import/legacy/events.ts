import { setImmediate as turn } from 'node:timers/promises'
import type { LegacyEvent } from '@user-stats/events/legacy-import'
import { createProgress } from '../progress.ts'
import { repairEvent } from './repair-event.ts'
import type { EventRow } from './source.ts'
import type { ImportOptions } from './users.ts'

/** Events by store and UTC day, as `<store> <day>`. */
export type DayCounts = Map<string, number>

export const dayKey = (storeId: number | null, day: string | null): string =>
  `${String(storeId)} ${String(day)}`

const dayOf = (createdAt: Date): string => createdAt.toISOString().slice(0, 10)

/**
 * Imports events up to an id, page by page, through the ingest of the events service.
 *
 * @returns how many events were read, and how many of each store and day are imported, by this run or one
 *   before
 */
export async function importEvents(
  { source, target, consumers, report, line, signal }: ImportOptions,
  last: number,
  now: Date,
): Promise<{ readonly read: number; readonly imported: DayCounts }> {
  const imported: DayCounts = new Map()
  let read = 0
  const progress = createProgress(line, 'events')
  await target?.events.reserveIds(last)

  async function write(rows: readonly EventRow[]): Promise<void> {
    const events: { event: LegacyEvent; row: EventRow; repaired: readonly string[] }[] = []
    for (const row of rows) {
      const fault = consumers.fault(row.storeId)
      const repaired: string[] = []
      const event =
        fault ?? repairEvent({ ...row, storeId: row.storeId ?? 0 }, now, (what) => repaired.push(what))
      if (typeof event === 'string') await report.rejected('events', row.id, event, row)
      else events.push({ event, row, repaired })
    }
    await turn()
    const outcomes =
      (await target?.events.record(events.map(({ event }) => event))) ?? events.map(() => 'ADDED' as const)
    for (const [at, { event, row, repaired }] of events.entries()) {
      const outcome = outcomes[at] ?? 'ADDED'
      if (typeof outcome === 'string') {
        const key = dayKey(event.storeId, dayOf(event.createdAt))
        imported.set(key, (imported.get(key) ?? 0) + 1)
        report.done('events', outcome === 'ADDED' ? 'events' : 'events imported before')
        if (outcome === 'ADDED') for (const what of repaired) report.repaired('events', what)
      }
      // Nothing is logged about erased users.
      else if (outcome.code === 'USER_ERASED') await report.rejected('events', row.id, outcome.message)
      else await report.rejected('events', row.id, outcome.message, row)
    }
  }

  for await (const page of source.events(last)) {
    signal?.throwIfAborted()
    await write(page)
    read += page.length
    progress.add(page.length, (page.at(-1)?.id ?? 0) / last)
  }
  progress.end()
  return { read, imported }
}
