import { dayKey, type DayCounts } from './events.ts'
import type { Source } from './source.ts'
import type { Target } from './stores.ts'

/** Differences that are named. */
const named = 20

/**
 * Compares counts per store and day: those that were taken over with those that are recorded, and all that
 * were read with those that are there.
 *
 * @param read how many events were read
 * @returns the differences, a line each
 */
export async function compareDays(
  source: Source,
  target: Target,
  { last, read, imported }: { readonly last: number; readonly read: number; readonly imported: DayCounts },
): Promise<string[]> {
  const differences: string[] = []
  const there = (await source.countDays(last)).reduce((sum, { events }) => sum + events, 0)
  if (there !== read)
    differences.push(
      `${there.toLocaleString('en')} events are there by now, ${read.toLocaleString('en')} were read: run this again`,
    )
  const storeIds = [...new Set([...imported.keys()].map((key) => Number(key.split(' ')[0])))]
  const recorded = new Map(
    (await target.events.countDays(storeIds)).map(({ storeId, day, events }) => [
      dayKey(storeId, day),
      events,
    ]),
  )
  for (const key of new Set([...imported.keys(), ...recorded.keys()])) {
    const [wanted, found] = [imported.get(key) ?? 0, recorded.get(key) ?? 0]
    if (wanted === found) continue
    const [store = '', day = ''] = key.split(' ')
    differences.push(
      `store ${store} on ${day}: ${String(wanted)} events taken over, ${String(found)} recorded`,
    )
  }
  const more = differences.length - named
  return more > 0 ? [...differences.slice(0, named), `and ${String(more)} more days`] : differences
}
