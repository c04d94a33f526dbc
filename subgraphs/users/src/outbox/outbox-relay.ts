import type { Logger } from '@user-stats/http'
import type { Commands } from './deliver.ts'
import type { Lane, QueuedRef } from './outbox-repository.ts'

export interface CourierOptions {
  readonly commands: Commands
  readonly log: Logger
  readonly lane: Lane
  /** Stores that are served at once, at most. */
  readonly parallel: number
  /** Milliseconds between two rounds. */
  readonly interval: number
  /** Milliseconds between two rounds at most, when they fail. */
  readonly maxInterval: number
}

/**
 * Resumes, in the background, commands that were left: by a crash, or because the events service was away. What one
 * store's commands take, or fail of, does not keep the others waiting.
 */
export function createCourier({ commands, log, lane, parallel, interval, maxInterval }: CourierOptions) {
  const underWay = new Map<number, Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let round: Promise<void> = Promise.resolve()
  let pause = interval
  let stopped = false

  function carry(last: QueuedRef): void {
    const carried = commands
      .deliver(last)
      .then(
        () => {
          pause = interval
        },
        () => {
          pause = Math.min(pause * 2, maxInterval)
        },
      )
      .finally(() => underWay.delete(last.storeId))
    underWay.set(last.storeId, carried)
  }

  async function run(): Promise<void> {
    try {
      for (const last of await commands.lastDue(lane)) {
        if (underWay.has(last.storeId)) continue
        if (underWay.size >= parallel) await Promise.race(underWay.values())
        if (stopped) return
        carry(last)
      }
    } catch (error) {
      log.warn({ err: error }, 'commands could not be looked up')
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
    /** Resolves when what is under way has ended. */
    async stop(): Promise<void> {
      stopped = true
      clearTimeout(timer)
      await round
      await Promise.all(underWay.values())
    },
  }
}
