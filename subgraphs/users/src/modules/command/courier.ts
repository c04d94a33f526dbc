import type { Logger } from '@user-stats/service'
import type { Commands } from './command.ts'

export interface CourierOptions {
  readonly commands: Commands
  readonly log: Logger
  /** Milliseconds between two rounds. */
  readonly interval: number
  /** Milliseconds between two rounds at most, when they fail. */
  readonly maxInterval: number
}

/** Resumes, in the background, commands that were left: by a crash, or because the events service was away. */
export function createCourier({ commands, log, interval, maxInterval }: CourierOptions) {
  let timer: NodeJS.Timeout | undefined
  let round: Promise<void> = Promise.resolve()
  let pause = interval
  let stopped = false

  async function run(): Promise<void> {
    try {
      const failures: unknown[] = []
      for (const last of await commands.lastDue()) {
        if (stopped) return
        // What one store's command fails of need not keep the others waiting.
        await commands.deliver(last).catch((error: unknown) => failures.push(error))
      }
      pause = failures.length > 0 ? Math.min(pause * 2, maxInterval) : interval
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
    },
  }
}
