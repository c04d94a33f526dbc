import type { PrismaClient } from '@user-stats/prisma-users'
import { inTransaction } from '../../database/transaction.ts'
import type { Command, Outbox } from '../../outbox/outbox-repository.ts'
import type { StoreRemoval } from '../store/erase-store.ts'
import type { EventsProgress } from './erasure.types.ts'
import type { ErasureRows } from './erasure.repository.ts'
import type { Receipts } from './receipt.ts'

/** An answer of the events service to a command that erases: whether all is done, and what has been done so far. */
export interface ErasureStep extends EventsProgress {
  readonly finished: boolean
}

export interface ErasingOptions {
  readonly prisma: PrismaClient
  readonly erasures: ErasureRows
  readonly removal: StoreRemoval
  readonly outbox: Outbox
  readonly receipts: Receipts
  readonly clock: () => Date
}

export type Erasing = ReturnType<typeof createErasing>

/** Carries erasures out, step by step. Whatever is interrupted is taken up again where it was left. */
export function createErasing({ prisma, erasures, removal, outbox, receipts, clock }: ErasingOptions) {
  /** Ends it in this database, once: the record, the receipt and the command in one transaction. */
  async function settle(command: Command, step: ErasureStep): Promise<void> {
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
      await outbox.settle(tx, command)
    })
  }

  return {
    /**
     * @param tell tells the events service to go on for a while
     * @param mayGoOn asked between steps; throws when the service stops
     */
    async carryOut(
      command: Command,
      tell: (command: Command) => Promise<ErasureStep>,
      mayGoOn: () => void,
    ): Promise<void> {
      await erasures.begin(command)
      if (command.kind === 'DELETE_STORE') await removal.removeUsers(command, mayGoOn)
      for (;;) {
        const step = await tell(command)
        if (step.finished) {
          await settle(command, step)
          return
        }
        await erasures.progressed(command, step)
        mayGoOn()
      }
    },
  }
}
