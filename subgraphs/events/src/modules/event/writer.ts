import type { Pool } from 'pg'
import { isTurnOver, nextTurn } from '@user-stats/core'
import { unchecked, writeBatch, type BatchItem, type Outcome } from './write-batch.ts'
import { findEmail } from './email-detector.ts'

/**
 * Writes batches. The transaction decides whether a store refuses e-mail addresses; only events of stores
 * known to do so are checked for them. The first events of such a store are returned unwritten, and are
 * written after the check.
 */
export function createWriter({ pool }: { readonly pool: Pool }) {
  const strict = new Set<number>()

  const looked = (item: BatchItem): BatchItem =>
    strict.has(item.event.storeId) ? { ...item, email: findEmail(item.event) } : item

  async function lookedThrough(items: readonly BatchItem[]): Promise<BatchItem[]> {
    const all: BatchItem[] = []
    for (const item of items) {
      if (isTurnOver()) await nextTurn()
      all.push(looked(item))
    }
    return all
  }

  return async function write(items: readonly BatchItem[]): Promise<Outcome[]> {
    const sent = strict.size === 0 ? items : await lookedThrough(items)
    const outcomes = await writeBatch(pool, sent)
    for (const [at, { event, email }] of sent.entries())
      // It was written in spite of the address: the store has changed its setting.
      if (email != null && 'event' in (outcomes[at] ?? {})) strict.delete(event.storeId)
    const left = [...items.keys()].filter((at) => outcomes[at] === unchecked)
    if (left.length === 0) return outcomes
    const rest = left.flatMap((at) => items[at] ?? [])
    for (const { event } of rest) strict.add(event.storeId)
    const later = await write(rest)
    for (const [place, at] of left.entries()) {
      const outcome = later[place]
      if (outcome !== undefined) outcomes[at] = outcome
    }
    return outcomes
  }
}
