import { DomainError } from '../errors/domain-error.ts'

/** Attempts of one key that may wait at most. */
const maxWaiting = 5_000

interface Line {
  busy: number
  readonly waiting: Set<() => void>
}

/** Resolves at one's turn, or when it is no longer wanted: true if it is one's turn. */
const turnIn = ({ waiting }: Line, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    const leave = (): void => {
      waiting.delete(begin)
      resolve(false)
    }
    const begin = (): void => {
      signal.removeEventListener('abort', leave)
      resolve(true)
    }
    waiting.add(begin)
    signal.addEventListener('abort', leave, { once: true })
  })

/**
 * Lets no more attempts of one key run at once than may fail before a limit is reached; the others wait for their
 * turn. However many come at the same time, failures are counted before one too many is made.
 */
export function createTurns() {
  const lines = new Map<string, Line>()

  return {
    /**
     * @param room how many more may fail; with none left nobody waits: the attempt is to refuse by itself
     * @param asker whose signal ends the waiting; looked at only if there is any
     * @throws TOO_MANY_REQUESTS when too many are waiting, SERVICE_UNAVAILABLE when it is aborted before its turn
     */
    async run<T>(
      key: string,
      room: () => number,
      attempt: () => Promise<T>,
      asker: { readonly signal: AbortSignal },
    ): Promise<T> {
      const line = lines.get(key) ?? { busy: 0, waiting: new Set() }
      lines.set(key, line)
      const mayGo = (): boolean => line.busy < room() || room() === 0
      if (line.waiting.size === 0 && mayGo()) line.busy += 1
      else if (line.waiting.size >= maxWaiting)
        throw new DomainError('TOO_MANY_REQUESTS', {
          message: 'Too many API keys from this address wait to be looked at. Try again soon.',
          retryAfter: 1,
        })
      else if (asker.signal.aborted || !(await turnIn(line, asker.signal)))
        throw new DomainError('SERVICE_UNAVAILABLE')
      try {
        return await attempt()
      } finally {
        line.busy -= 1
        for (const begin of line.waiting) {
          if (!mayGo()) break
          line.waiting.delete(begin)
          // Counted here: whoever comes before it runs must not take its place.
          line.busy += 1
          begin()
        }
        if (line.busy === 0 && line.waiting.size === 0) lines.delete(key)
      }
    },
  }
}
