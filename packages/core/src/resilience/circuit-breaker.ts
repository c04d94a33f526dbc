export type BreakerState = 'closed' | 'half-open' | 'open'

export interface BreakerOptions {
  /** Consecutive failures that open the breaker. */
  readonly threshold?: number
  /** Milliseconds between two trial calls while it is open. */
  readonly pause?: number
  /** A monotonic clock, in milliseconds. */
  readonly clock?: () => number
  /** Called once for each change. */
  readonly onChange?: (state: BreakerState) => void
}

export type Breaker = ReturnType<typeof createBreaker>

const monotonic = (): number => performance.now()

/**
 * A circuit breaker: after `threshold` consecutive failures it rejects calls, except for one trial call per
 * pause. The first success closes it. Only the availability of the peer counts: an error response is a
 * success. A trial call that hangs does not block the next one, so a recovered peer is found within one
 * pause.
 */
export function createBreaker({
  threshold = 5,
  pause = 1_000,
  clock = monotonic,
  onChange = () => undefined,
}: BreakerOptions = {}) {
  let state: BreakerState = 'closed'
  let failures = 0
  let epoch = 1
  let trialAt = 0

  function transitionTo(next: BreakerState): void {
    if (next === state) return
    state = next
    onChange(next)
  }

  return {
    state: (): BreakerState => state,
    /** @returns a permit for one call, or 0: do not call */
    tryAcquire(): number {
      if (state === 'closed') return epoch
      const now = clock()
      if (now < trialAt) return 0
      trialAt = now + pause
      transitionTo('half-open')
      return epoch
    },
    /** Report that the peer answered, with whatever status. */
    onSuccess(): void {
      failures = 0
      if (state === 'closed') return
      epoch += 1
      transitionTo('closed')
    },
    /** Report that the peer did not answer. Do not report calls that the caller cancelled. */
    onFailure(permit: number): void {
      // Ignore a call that started before the peer recovered.
      if (permit !== epoch) return
      failures += 1
      if (state === 'closed' && failures < threshold) return
      if (state === 'closed') trialAt = clock() + pause
      transitionTo('open')
    },
  }
}
