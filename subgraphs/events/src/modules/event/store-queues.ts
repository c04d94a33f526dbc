/** The queue of a store. */
export interface Entry {
  readonly storeId: number
}

/**
 * Queues of entries, one per store, from which batches are taken in equal shares: however much one store has
 * queued, the next batch contains entries of all ready stores.
 *
 * @param limit maximum entries of all stores together
 */
export function createStoreQueues<E extends Entry>(limit: number) {
  /** The least recently served store is first. */
  const queues = new Map<number, E[]>()
  let size = 0

  /** Moves up to `most` ready entries from a store's queue into a batch. */
  function takeFrom(storeId: number, most: number, isReady: (entry: E) => boolean, batch: E[]): void {
    const queue = queues.get(storeId) ?? []
    const kept: E[] = []
    let at = 0
    let taken = 0
    for (; at < queue.length && taken < most; at += 1) {
      const entry = queue[at]
      if (entry === undefined) continue
      if (isReady(entry)) {
        batch.push(entry)
        taken += 1
      } else kept.push(entry)
    }
    if (taken === 0) return
    size -= taken
    const rest = [...kept, ...queue.slice(at)]
    // Served: move it behind the others.
    queues.delete(storeId)
    if (rest.length > 0) queues.set(storeId, rest)
  }

  return {
    size: (): number => size,

    /**
     * Whether a store may queue no more entries: the queues are full, and it has used its share.
     */
    isFull(storeId: number, more: number): boolean {
      if (size + more <= limit) return false
      const own = queues.get(storeId)?.length ?? 0
      const stores = queues.size + (own === 0 ? 1 : 0)
      return own + more > limit / stores
    },

    push(entry: E): void {
      const queue = queues.get(entry.storeId)
      if (queue === undefined) queues.set(entry.storeId, [entry])
      else queue.push(entry)
      size += 1
    },

    /** Puts entries back at the front of the queue. */
    putBack(entries: readonly E[]): void {
      for (const [storeId, own] of Map.groupBy(entries, (entry) => entry.storeId))
        queues.set(storeId, [...own, ...(queues.get(storeId) ?? [])])
      size += entries.length
    },

    /** Takes up to a number of ready entries: an equal share of each store first, then any. */
    take(most: number, isStoreReady: (storeId: number) => boolean, isReady: (entry: E) => boolean): E[] {
      const batch: E[] = []
      const stores = [...queues.keys()].filter(isStoreReady)
      const share = Math.max(1, Math.floor(most / stores.length))
      for (const each of [share, most])
        for (const storeId of stores) {
          if (batch.length >= most) return batch
          takeFrom(storeId, Math.min(each, most - batch.length), isReady, batch)
        }
      return batch
    },

    /** Removes entries. @returns them */
    remove(isRemoved: (entry: E) => boolean): E[] {
      const removed: E[] = []
      for (const [storeId, queue] of queues) {
        const kept = queue.filter((entry) => !isRemoved(entry))
        if (kept.length === queue.length) continue
        removed.push(...queue.filter(isRemoved))
        if (kept.length > 0) queues.set(storeId, kept)
        else queues.delete(storeId)
      }
      size -= removed.length
      return removed
    },

    /** Stores with entries. */
    stores: (): number => queues.size,

    /** All entries, in no particular order. */
    entries: (): E[] => [...queues.values()].flat(),
  }
}
