import { createBreaker, type Breaker, type BreakerState } from '@user-stats/core'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

export interface PeerBreakerOptions {
  /** The service it protects calls to. */
  readonly peer: string
  readonly log: Logger
  readonly metrics: Pick<Metrics, 'breakers'>
}

const values: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 }

/** A circuit breaker that reports its changes to the log and the metrics. */
export function createPeerBreaker({ peer, log, metrics }: PeerBreakerOptions): Breaker {
  let away = false
  const gauge = metrics.breakers.labels({ peer })
  gauge.set(values.closed)
  return createBreaker({
    onChange: (state) => {
      gauge.set(values[state])
      // Log the failure and the recovery once each; trial calls in between are not logged.
      if (state === 'open' && !away) log.warn({ peer }, 'peer does not answer: requests to it are suspended')
      if (state === 'closed') log.info({ peer }, 'peer answers again')
      away = state !== 'closed'
    },
  })
}
