import { DomainError } from '@user-stats/service'

export interface SlotsOptions {
  /** How many may run at once. */
  readonly running: number
  /** How many may wait for their turn. */
  readonly waiting: number
}

/** Lets so much heavy work run at once, in the order it came: the rest of the connections stay for what is short. */
export function createSlots({ running, waiting }: SlotsOptions) {
  let free = running
  const queue: (() => void)[] = []
  return {
    /** @throws SERVICE_UNAVAILABLE when too much is waiting already */
    async run<T>(work: () => Promise<T>): Promise<T> {
      if (free > 0) free -= 1
      else if (queue.length >= waiting)
        throw new DomainError('SERVICE_UNAVAILABLE', {
          message: 'Too many analyses are waiting to be run. Try again soon.',
        })
      else
        await new Promise<void>((resolve) => {
          queue.push(resolve)
        })
      try {
        return await work()
      } finally {
        // A slot that somebody waits for is handed over, never free in between.
        const next = queue.shift()
        if (next === undefined) free += 1
        else next()
      }
    },
  }
}
