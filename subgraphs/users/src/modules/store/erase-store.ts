import type { PrismaClient } from '@user-stats/prisma-users'
import { inTransaction, type Db } from '../../database/transaction.ts'
import type { CommandRef } from '../../outbox/outbox-repository.ts'
import type { ErasureRepository } from '../erasure/erasure.repository.ts'
import type { UserRepository } from '../user/user.repository.ts'

export type StoreErasure = ReturnType<typeof createStoreErasure>

/** The effects of deleting a store on this database. Each step is idempotent. */
export function createStoreErasure({
  prisma,
  rows,
  erasures,
}: {
  readonly prisma: PrismaClient
  readonly rows: UserRepository
  readonly erasures: ErasureRepository
}) {
  return {
    /** Deletes the users of a store in batches; the count is recorded with the erasure. */
    async removeUsers(command: CommandRef, mayGoOn: () => void): Promise<void> {
      for (;;) {
        const removed = await inTransaction(prisma, async (tx) => {
          await tx.$queryRaw`SELECT 1 FROM stores WHERE store_id = ${command.storeId} FOR UPDATE`
          const count = (await rows.removeSome(tx, command.storeId)).length
          if (count > 0) await erasures.addUsersDeleted(tx, command, count)
          return count
        })
        if (removed === 0) return
        mayGoOn()
      }
    },

    /** @returns deleted rows, by table */
    async removeStore(tx: Db, id: number): Promise<Record<string, number>> {
      const stores = await tx.store.deleteMany({ where: { id } })
      const apiKeys = await tx.apiKey.deleteMany({ where: { storeId: id } })
      return { stores: stores.count, api_keys: apiKeys.count }
    },
  }
}
