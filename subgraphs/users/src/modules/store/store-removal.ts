import type { PrismaClient } from '@user-stats/prisma-users'
import { inTransaction, type Db } from '../../database/transaction.ts'
import type { CommandRef, Outbox } from '../command/outbox.ts'
import type { UserRows } from '../user/user-rows.ts'

export type StoreRemoval = ReturnType<typeof createStoreRemoval>

/** What deleting a store means in this database. Each step may be repeated. */
export function createStoreRemoval({
  prisma,
  rows,
  outbox,
}: {
  readonly prisma: PrismaClient
  readonly rows: UserRows
  readonly outbox: Outbox
}) {
  return {
    /** Deletes the users of a store that is being deleted, batch by batch; the count is kept with the command. */
    async removeUsers(command: CommandRef): Promise<void> {
      for (;;) {
        const removed = await inTransaction(prisma, async (tx) => {
          await tx.$queryRaw`SELECT 1 FROM stores WHERE store_id = ${command.storeId} FOR UPDATE`
          const count = await rows.removeSome(tx, command.storeId)
          if (count > 0) await outbox.addUsersDeleted(tx, command, count)
          return count
        })
        if (removed === 0) return
      }
    },

    async removeStore(tx: Db, id: number): Promise<void> {
      await tx.store.deleteMany({ where: { id } })
      await tx.apiKey.deleteMany({ where: { storeId: id } })
    },
  }
}
