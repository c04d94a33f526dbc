import type { Session } from '../access/access.service.ts'

type Write = (session: Session, storeId: number | null, recordIds: readonly string[]) => Promise<void>

interface Waiting {
  readonly byStore: Map<number | null, Set<string>>
  readonly written: Promise<void>
}

/**
 * Collects the reads of all fields of one request, so that it writes one entry per store rather than per
 * field: reads made while an entry is being written are recorded in the next.
 */
export function createReads(write: Write) {
  const busy = new WeakMap<Session, Promise<void>>()
  const waiting = new WeakMap<Session, Waiting>()

  function gather(session: Session): Waiting {
    const known = waiting.get(session)
    if (known !== undefined) return known
    const byStore = new Map<number | null, Set<string>>()
    const before = (busy.get(session) ?? Promise.resolve()).catch(() => undefined)
    const written = before.then(async () => {
      waiting.delete(session)
      for (const [storeId, ids] of byStore) await write(session, storeId, [...ids])
    })
    busy.set(session, written)
    const made = { byStore, written }
    waiting.set(session, made)
    return made
  }

  return (session: Session, storeId: number | null, recordIds: readonly string[]): Promise<void> => {
    const { byStore, written } = gather(session)
    const ids = byStore.get(storeId) ?? new Set()
    byStore.set(storeId, ids)
    for (const id of recordIds) ids.add(id)
    return written
  }
}
