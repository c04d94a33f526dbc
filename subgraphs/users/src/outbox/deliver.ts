import type { PrismaClient } from '@user-stats/prisma-users'
import { DomainError } from '@user-stats/core'
import type { Logger } from '@user-stats/http'
import { inTransaction } from '../database/transaction.ts'
import type { ErasureStep, ErasureProcess } from '../modules/erasure/erasure-process.ts'
import { CommandError } from './apply.ts'
import type { EventsClient } from './events-client.ts'
import { queueOf, type Command, type Outbox, type QueuedRef } from './outbox-repository.ts'

export interface CommandsOptions {
  readonly prisma: PrismaClient
  readonly outbox: Outbox
  readonly events: EventsClient
  readonly erasing: ErasureProcess
  readonly log: Logger
}

export type Commands = ReturnType<typeof createCommands>

const unavailable = (cause?: unknown): DomainError =>
  new DomainError('SERVICE_UNAVAILABLE', {
    message: 'The events service is not available. The change is recorded; repeat the request to finish it.',
    retryAfter: 2,
    cause,
  })

/**
 * Delivers commands at least once, in order per store and queue. A command is marked delivered after the events
 * service has committed it. Two replicas may deliver the same command; the receiver is idempotent.
 */
export function createCommands({ prisma, outbox, events, erasing, log }: CommandsOptions) {
  const busy = new Map<string, Promise<unknown>>()
  let stopped = false

  /** Runs one delivery per store and queue at a time. */
  function serialize<T>(line: string, work: () => Promise<T>): Promise<T> {
    const turn = (busy.get(line) ?? Promise.resolve()).then(work, work)
    const finished = turn.catch(() => undefined)
    busy.set(line, finished)
    void finished.then(() => {
      if (busy.get(line) === finished) busy.delete(line)
    })
    return turn
  }

  function throwIfStopped(): void {
    if (stopped) throw unavailable()
  }

  async function send(command: Command): Promise<ErasureStep> {
    try {
      return await events.apply(command)
    } catch (error) {
      const { code, refused } =
        error instanceof CommandError ? error : { code: 'UNREACHABLE', refused: false }
      log.warn({ err: error, kind: command.kind, command: String(command.id), code }, 'command not delivered')
      await outbox.countFailure(command, { code, refused })
      throw unavailable(error)
    }
  }

  async function execute(command: Command): Promise<void> {
    if (queueOf(command.kind) === 'ERASURE') {
      await erasing.run(command, send, throwIfStopped)
      return
    }
    await send(command)
    await inTransaction(prisma, (tx) => outbox.markDelivered(tx, command))
  }

  const deliver = (ref: QueuedRef): Promise<void> =>
    serialize(`${ref.queue} ${String(ref.storeId)}`, async () => {
      for (;;) {
        const commands = await outbox.due(ref)
        if (commands.length === 0) break
        for (const command of commands) {
          throwIfStopped()
          await execute(command)
        }
      }
      if (!(await outbox.isDelivered(ref))) throw unavailable()
    })

  return {
    ...outbox,

    /**
     * Delivers a command, after the store's earlier commands of the same queue.
     *
     * @throws SERVICE_UNAVAILABLE while the events service is unavailable or rejects it
     */
    deliver,

    /** Delivers the newest pending change of a store's access, if there is one. */
    async deliverAccess(storeId: number): Promise<void> {
      const last = await outbox.pendingAccess(storeId)
      if (last !== undefined) await deliver(last)
    },

    /** Tries to deliver a command now; on failure the relay delivers it later. */
    async attempt(ref: QueuedRef): Promise<void> {
      await deliver(ref).catch((error: unknown) => {
        if (!(error instanceof DomainError)) log.warn({ err: error }, 'command delivery postponed')
      })
    },

    /** Starts no new delivery; resolves when those in flight have ended. */
    async stop(): Promise<void> {
      stopped = true
      await Promise.all(busy.values())
    },
  }
}
