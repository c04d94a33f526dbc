import type { PrismaClient } from '@user-stats/prisma-users'
import { DomainError } from '@user-stats/core'
import type { Logger } from '@user-stats/http'
import { inTransaction } from '../database/transaction.ts'
import type { ErasureStep, Erasing } from '../modules/erasure/erasure-process.ts'
import { CommandError } from './apply.ts'
import type { EventsClient } from './events-client.ts'
import { laneOf, type Command, type Outbox, type QueuedRef } from './outbox-repository.ts'

export interface CommandsOptions {
  readonly prisma: PrismaClient
  readonly outbox: Outbox
  readonly events: EventsClient
  readonly erasing: Erasing
  readonly log: Logger
}

export type Commands = ReturnType<typeof createCommands>

const unavailable = (cause?: unknown): DomainError =>
  new DomainError('SERVICE_UNAVAILABLE', {
    message:
      'The events service cannot be told now. What was decided is kept; repeat the request to finish it.',
    retryAfter: 2,
    cause,
  })

/**
 * Carries commands out: at least once, in their order per store and lane, each remembered as done after the events
 * service has committed it. Two replicas may do the same at once; the receiver is idempotent.
 */
export function createCommands({ prisma, outbox, events, erasing, log }: CommandsOptions) {
  const busy = new Map<string, Promise<unknown>>()
  let stopped = false

  /** One piece of work per store and lane at a time. */
  function inTurn<T>(line: string, work: () => Promise<T>): Promise<T> {
    const turn = (busy.get(line) ?? Promise.resolve()).then(work, work)
    const settled = turn.catch(() => undefined)
    busy.set(line, settled)
    void settled.then(() => {
      if (busy.get(line) === settled) busy.delete(line)
    })
    return turn
  }

  function mayGoOn(): void {
    if (stopped) throw unavailable()
  }

  async function tell(command: Command): Promise<ErasureStep> {
    try {
      return await events.apply(command)
    } catch (error) {
      const { code, refused } =
        error instanceof CommandError ? error : { code: 'UNREACHABLE', refused: false }
      log.warn(
        { err: error, kind: command.kind, command: String(command.id), code },
        'a command was not delivered',
      )
      await outbox.countFailure(command, { code, refused })
      throw unavailable(error)
    }
  }

  async function carryOut(command: Command): Promise<void> {
    if (laneOf(command.kind) === 'ERASURE') {
      await erasing.carryOut(command, tell, mayGoOn)
      return
    }
    await tell(command)
    await inTransaction(prisma, (tx) => outbox.settle(tx, command))
  }

  const deliver = (ref: QueuedRef): Promise<void> =>
    inTurn(`${ref.lane} ${String(ref.storeId)}`, async () => {
      for (;;) {
        const commands = await outbox.due(ref)
        if (commands.length === 0) break
        for (const command of commands) {
          mayGoOn()
          await carryOut(command)
        }
      }
      if (!(await outbox.isDelivered(ref))) throw unavailable()
    })

  return {
    ...outbox,

    /**
     * Carries a command out, and before it what its store still waits for in the same lane.
     *
     * @throws SERVICE_UNAVAILABLE while the events service is away or refuses it
     */
    deliver,

    /** Carries out what the events service must still be told of a store's access, if anything. */
    async deliverAccess(storeId: number): Promise<void> {
      const last = await outbox.pendingAccess(storeId)
      if (last !== undefined) await deliver(last)
    },

    /** Tries to carry a command out now; if that fails it is done later. */
    async attempt(ref: QueuedRef): Promise<void> {
      await deliver(ref).catch((error: unknown) => {
        if (!(error instanceof DomainError)) log.warn({ err: error }, 'a command is left for later')
      })
    },

    /** Begins nothing any more; resolves when the step under way has ended. */
    async stop(): Promise<void> {
      stopped = true
      await Promise.all(busy.values())
    },
  }
}
