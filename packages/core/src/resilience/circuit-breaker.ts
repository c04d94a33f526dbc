export type BreakerState = 'closed' | 'half-open' | 'open'

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly threshold?: number
  /** Milliseconds between two trials while it is open. */
  readonly pause?: number
  /** Milliseconds that only go forward. */
  readonly clock?: () => number
  /** Told once for each change. */
  readonly onChange?: (state: BreakerState) => void
}

export type Breaker = ReturnType<typeof createBreaker>

const monotonic = (): number => performance.now()

/**
 * A circuit breaker: after so many failures in a row a peer is asked no more, but for one trial now and then; the
 * first answer closes it again. Only the way to the peer counts: its refusals are answers. A trial that hangs keeps
 * no other from being made, so a peer that is back is found within one pause.
 */
export function createBreaker({
  threshold = 5,
  pause = 1_000,
  clock = monotonic,
  onChange = () => undefined,
}: BreakerOptions = {}) {
  let state: BreakerState = 'closed'
  let failures = 0
  let era = 1
  let trialAt = 0

  function become(next: BreakerState): void {
    if (next === state) return
    state = next
    onChange(next)
  }

  return {
    state: (): BreakerState => state,
    /** @returns a ticket for one call, or 0: do not call */
    enter(): number {
      if (state === 'closed') return era
      const now = clock()
      if (now < trialAt) return 0
      trialAt = now + pause
      become('half-open')
      return era
    },
    /** The peer answered, whatever it said. */
    answered(): void {
      failures = 0
      if (state === 'closed') return
      era += 1
      become('closed')
    },
    /** No answer came. A call that the caller gave up says nothing: tell of neither. */
    failed(ticket: number): void {
      // A call from before the peer came back says nothing of it now.
      if (ticket !== era) return
      failures += 1
      if (state === 'closed' && failures < threshold) return
      if (state === 'closed') trialAt = clock() + pause
      become('open')
    },
  }
}
