import type { Logger } from '@user-stats/http'
import type { Delivery } from './deliver.ts'
import type { QueuedRef } from './outbox-repository.ts'

export interface OutboxRelayOptions {
  readonly delivery: Delivery
  readonly log: Logger
  /** Maximum number of stores with concurrent deliveries. */
  readonly concurrency: number
  /** Milliseconds between rounds. */
  readonly interval: number
  /** Maximum milliseconds between rounds while deliveries fail. */
  readonly maxInterval: number
}

/**
 * Delivers pending commands in the background: those left by a crash, or by an unavailable events service.
 * Stores do not wait for each other.
 */
export function createOutboxRelay({ delivery, log, concurrency, interval, maxInterval }: OutboxRelayOptions) {
  const inFlight = new Map<number, Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let round: Promise<void> = Promise.resolve()
  let pause = interval
  let stopped = false

  function deliverInBackground(last: QueuedRef): void {
    const carried = delivery
      .deliver(last)
      .then(
        () => {
          pause = interval
        },
        () => {
          pause = Math.min(pause * 2, maxInterval)
        },
      )
      .finally(() => inFlight.delete(last.storeId))
    inFlight.set(last.storeId, carried)
  }

  async function run(): Promise<void> {
    try {
      for (const last of await delivery.lastDue()) {
        if (inFlight.has(last.storeId)) continue
        if (inFlight.size >= concurrency) await Promise.race(inFlight.values())
        if (stopped) return
        deliverInBackground(last)
      }
    } catch (error) {
      log.warn({ err: error }, 'pending commands could not be read')
      pause = Math.min(pause * 2, maxInterval)
    }
  }

  function schedule(after: number): void {
    if (stopped) return
    timer = setTimeout(() => {
      round = run().then(() => {
        schedule(pause)
      })
    }, after).unref()
  }

  return {
    start(): void {
      schedule(0)
    },
    /** Resolves when the deliveries in flight have ended. */
    async stop(): Promise<void> {
      stopped = true
      clearTimeout(timer)
      await round
      await Promise.all(inFlight.values())
    },
  }
}
