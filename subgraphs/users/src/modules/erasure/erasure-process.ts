import type { PrismaClient } from '@user-stats/prisma-users'
import { inTransaction } from '../../database/transaction.ts'
import type { Command, Outbox } from '../../outbox/outbox-repository.ts'
import type { StoreErasure } from '../store/erase-store.ts'
import type { EventsProgress } from './erasure.types.ts'
import type { ErasureRepository } from './erasure.repository.ts'
import type { Receipts } from './receipt.ts'

/** Progress of an erasure in the events service: whether it is finished, and the counts so far. */
export interface ErasureStep extends EventsProgress {
  readonly finished: boolean
}

export interface ErasureProcessOptions {
  readonly prisma: PrismaClient
  readonly erasures: ErasureRepository
  readonly removal: StoreErasure
  readonly outbox: Outbox
  readonly receipts: Receipts
  readonly clock: () => Date
}

export type ErasureProcess = ReturnType<typeof createErasureProcess>

/**
 * The erasure process, from the recorded request to the receipt: delete users (of a store), let the events service
 * delete in bounded steps, then sign the receipt. Each step is committed, so a stop resumes where it ended.
 */
export function createErasureProcess({
  prisma,
  erasures,
  removal,
  outbox,
  receipts,
  clock,
}: ErasureProcessOptions) {
  /** Ends an erasure once: record, receipt and command in one transaction. */
  async function complete(command: Command, step: ErasureStep): Promise<void> {
    const sign = await receipts.signer()
    await inTransaction(prisma, async (tx) => {
      const erasure = await erasures.byCommand(tx, command)
      if (erasure !== undefined && erasure.state !== 'DONE') {
        const ofStore = command.kind === 'DELETE_STORE' ? await removal.removeStore(tx, command.storeId) : {}
        const { eventsTotal, eventsDeleted, eventsAnonymised, rows } = step
        const counts = { eventsTotal, eventsDeleted, eventsAnonymised }
        const erasedRows = { users: { ...erasure.erasedRows.users, ...ofStore }, events: rows }
        const finishedAt = clock()
        const receipt = sign({ ...erasure, eventsAnonymised, erasedRows, finishedAt })
        await erasures.finish(tx, erasure, { ...counts, erasedRows, receipt, finishedAt })
      }
      await outbox.markDelivered(tx, command)
    })
  }

  return {
    /**
     * @param runStep lets the events service run one bounded step
     * @param throwIfStopped called between steps
     */
    async run(
      command: Command,
      runStep: (command: Command) => Promise<ErasureStep>,
      throwIfStopped: () => void,
    ): Promise<void> {
      await erasures.begin(command)
      if (command.kind === 'DELETE_STORE') await removal.removeUsers(command, throwIfStopped)
      for (;;) {
        const step = await runStep(command)
        if (step.finished) {
          await complete(command, step)
          return
        }
        await erasures.progressed(command, step)
        throwIfStopped()
      }
    },
  }
}
