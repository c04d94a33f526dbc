import type { Pool } from 'pg'
import { isTurnOver, nextTurn } from '@user-stats/core'
import { unchecked, writeBatch, type BatchItem, type Outcome } from './write-batch.ts'
import { findEmail } from './email-detector.ts'

/**
 * Writes batches. Whether a store refuses e-mail addresses is decided in the transaction, which knows; events are
 * looked through only for stores that were seen to refuse them. The first events of such a store come back unwritten,
 * and are written once they have been looked through.
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
      // It was written in spite of the address: the store has changed its mind.
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
