import { platform, type Database } from './platform.ts'
import type { QueuedEvent } from './types.ts'

/** Keeps events that wait over reloads. Nothing here fails: without it they wait in memory. */
export interface Outbox {
  readonly add: (event: QueuedEvent) => void
  readonly remove: (events: readonly QueuedEvent[]) => void
  readonly clear: () => void
  /** Events of pages before this one. */
  readonly all: () => Promise<readonly QueuedEvent[]>
}

const store = 'events'

/** An outbox in IndexedDB; none where there is no such thing. */
export function openOutbox(name: string): Outbox {
  const opened = open(name)
  const access = (mode: 'readonly' | 'readwrite') =>
    opened.then((database) => database?.transaction(store, mode).objectStore(store)).catch(() => undefined)
  return {
    add: (event) => void access('readwrite').then((events) => events?.put(event)),
    remove: (some) =>
      void access('readwrite').then((events) => {
        for (const { idempotency_key } of some) events?.delete(idempotency_key)
      }),
    clear: () => void access('readwrite').then((events) => events?.clear()),
    all: async () => {
      const request = (await access('readonly'))?.getAll()
      if (request === undefined) return []
      return await new Promise((resolve) => {
        request.onsuccess = () => {
          resolve(request.result as QueuedEvent[])
        }
        request.onerror = () => {
          resolve([])
        }
      })
    },
  }
}

function open(name: string): Promise<Database | undefined> {
  return new Promise((resolve) => {
    try {
      const request = platform.indexedDB?.open(name, 1)
      if (request === undefined) {
        resolve(undefined)
        return
      }
      request.onupgradeneeded = () => request.result.createObjectStore(store, { keyPath: 'idempotency_key' })
      request.onsuccess = () => {
        resolve(request.result)
      }
      request.onerror = () => {
        resolve(undefined)
      }
    } catch {
      resolve(undefined)
    }
  })
}
