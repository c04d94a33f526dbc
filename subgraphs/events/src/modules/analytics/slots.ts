import { DomainError } from '@user-stats/core'

export interface SlotsOptions {
  /** How many may run at once. */
  readonly running: number
  /** How many may wait for their turn. */
  readonly waiting: number
}

/** Lets so much heavy work run at once, in the order it came: the rest of the connections stay for what is short. */
export function createSlots({ running, waiting }: SlotsOptions) {
  let free = running
  const queue = new Set<() => void>()

  /** Resolves at one's turn, or when it is no longer wanted: true if it is one's turn. */
  const turn = (signal: AbortSignal): Promise<boolean> =>
    new Promise((resolve) => {
      const leave = (): void => {
        queue.delete(begin)
        resolve(false)
      }
      const begin = (): void => {
        signal.removeEventListener('abort', leave)
        resolve(true)
      }
      queue.add(begin)
      signal.addEventListener('abort', leave, { once: true })
    })

  return {
    /** @throws SERVICE_UNAVAILABLE when too much is waiting already, or it is aborted before its turn */
    async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
      if (free > 0) free -= 1
      else if (queue.size >= waiting)
        throw new DomainError('SERVICE_UNAVAILABLE', {
          message: 'Too many analyses are waiting to be run. Try again soon.',
        })
      else if (signal.aborted || !(await turn(signal)))
        throw new DomainError('SERVICE_UNAVAILABLE', {
          message: 'Other analyses took all the time this one had. Try again soon.',
        })
      try {
        return await work()
      } finally {
        // A slot that somebody waits for is handed over, never free in between.
        const [next] = queue
        if (next === undefined) free += 1
        else {
          queue.delete(next)
          next()
        }
      }
    },
  }
}
