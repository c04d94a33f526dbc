import type { PrismaClient } from '@user-stats/prisma-users'
import { DomainError, type Logger } from '@user-stats/service'
import { inTransaction } from '../../database/transaction.ts'
import type { StoreRemoval } from '../store/store-removal.ts'
import type { EventsClient } from './events-client.ts'
import type { Command, CommandRef, CommandResult, Outbox } from './outbox.ts'

export interface CommandsOptions {
  readonly prisma: PrismaClient
  readonly outbox: Outbox
  readonly events: EventsClient
  readonly removal: StoreRemoval
  readonly log: Logger
}

export type Commands = ReturnType<typeof createCommands>

/**
 * Carries commands out: at least once, in their order per store, each remembered as done after the events service
 * has committed it. Two replicas may do the same at once; the receiver is idempotent.
 */
export function createCommands({ prisma, outbox, events, removal, log }: CommandsOptions) {
  const busy = new Map<number, Promise<unknown>>()

  /** One piece of work per store at a time. */
  function inTurn<T>(storeId: number, work: () => Promise<T>): Promise<T> {
    const turn = (busy.get(storeId) ?? Promise.resolve()).then(work, work)
    const settled = turn.catch(() => undefined)
    busy.set(storeId, settled)
    void settled.then(() => {
      if (busy.get(storeId) === settled) busy.delete(storeId)
    })
    return turn
  }

  async function tell(command: Command): Promise<number> {
    try {
      return await events.apply(command)
    } catch (error) {
      log.warn({ err: error, kind: command.kind, command: String(command.id) }, 'a command was not delivered')
      await outbox.countFailure(command)
      throw new DomainError('SERVICE_UNAVAILABLE', {
        message:
          'The events service cannot be told now. What was decided is kept; repeat the request to finish it.',
        retryAfter: 2,
        cause: error,
      })
    }
  }

  async function carryOut(command: Command): Promise<void> {
    if (command.kind === 'DELETE_STORE') await removal.removeUsers(command)
    const eventsDeleted = await tell(command)
    await inTransaction(prisma, async (tx) => {
      if (command.kind === 'DELETE_STORE') await removal.removeStore(tx, command.storeId)
      await outbox.settle(tx, command, eventsDeleted)
    })
  }

  const deliver = (ref: CommandRef): Promise<CommandResult> =>
    inTurn(ref.storeId, async () => {
      for (;;) {
        const commands = await outbox.due(ref.storeId, ref.id)
        for (const command of commands) await carryOut(command)
        if (commands.length === 0) break
      }
      const result = await outbox.resultOf(ref)
      if (result === undefined) throw new DomainError('SERVICE_UNAVAILABLE')
      return result
    })

  return {
    ...outbox,

    /**
     * Carries a command out, and before it what its store still waits for.
     *
     * @throws SERVICE_UNAVAILABLE while the events service is away
     */
    deliver,

    /** Carries out what a store still waits for, if anything. */
    async deliverAll(storeId: number): Promise<void> {
      const last = await outbox.lastDueOf(storeId)
      if (last !== undefined) await deliver(last)
    },

    /** Tries to carry a command out now; if that fails it is done later. */
    async attempt(ref: CommandRef): Promise<void> {
      await deliver(ref).catch((error: unknown) => {
        if (!(error instanceof DomainError)) log.warn({ err: error }, 'a command is left for later')
      })
    },
  }
}
