import { DomainError } from '@user-stats/core'
import type { Logger } from '@user-stats/http'
import type { Command, CommandQueue, Outbox, QueuedRef } from './outbox-repository.ts'
import { eventsUnavailable } from './send-command.ts'

export interface DeliveryOptions {
  readonly queue: CommandQueue
  readonly outbox: Outbox
  /**
   * Executes a command and marks it delivered.
   *
   * @param stop aborted when the service stops: the command is to be resumed at the next start
   */
  readonly execute: (command: Command, stop: AbortSignal) => Promise<void>
  readonly log: Logger
}

export type Delivery = ReturnType<typeof createDelivery>

/**
 * Delivers the commands of a queue at least once, in order per store. A command is marked delivered after the
 * events service has committed it. Two replicas may deliver the same command; the receiver is idempotent.
 */
export function createDelivery({ queue, outbox, execute, log }: DeliveryOptions) {
  const inFlight = new Map<number, Promise<unknown>>()
  const stopping = new AbortController()

  /** Runs one delivery per store at a time. */
  function serialize<T>(storeId: number, work: () => Promise<T>): Promise<T> {
    const turn = (inFlight.get(storeId) ?? Promise.resolve()).then(work, work)
    const finished = turn.catch(() => undefined)
    inFlight.set(storeId, finished)
    void finished.then(() => {
      if (inFlight.get(storeId) === finished) inFlight.delete(storeId)
    })
    return turn
  }

  /**
   * Delivers a command, after the store's earlier commands of the queue.
   *
   * @param ref undefined when no command is pending
   * @throws SERVICE_UNAVAILABLE while the events service is unavailable or rejects it
   */
  async function deliver(ref: QueuedRef | undefined): Promise<void> {
    if (ref === undefined) return
    await serialize(ref.storeId, async () => {
      for (;;) {
        const commands = await outbox.due(ref)
        if (commands.length === 0) break
        for (const command of commands) {
          stopping.signal.throwIfAborted()
          await execute(command, stopping.signal)
        }
      }
      if (!(await outbox.isDelivered(ref))) throw eventsUnavailable()
    })
  }

  return {
    deliver,

    /** Tries to deliver a command now; on failure the relay delivers it later. */
    async attempt(ref: QueuedRef): Promise<void> {
      await deliver(ref).catch((error: unknown) => {
        if (!(error instanceof DomainError)) log.warn({ err: error }, 'command delivery postponed')
      })
    },

    /** Stores with commands to deliver, and their last such command. */
    lastDue: (): Promise<QueuedRef[]> => outbox.lastDue(queue),

    /** Starts no new delivery; resolves when those in flight have ended. */
    async stop(): Promise<void> {
      stopping.abort(eventsUnavailable())
      await Promise.all(inFlight.values())
    },
  }
}
