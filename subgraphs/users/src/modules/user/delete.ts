import type { PrismaClient } from '@user-stats/prisma-users'
import { DomainError, tenantOf, tenantsOf } from '@user-stats/core'
import { inTransaction } from '../../database/transaction.ts'
import type { Access, Session } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'
import type { ErasureRepository } from '../erasure/erasure.repository.ts'
import { userNotFound, type UserLookup } from './lookup.ts'
import type { UserRepository } from './user.repository.ts'

export interface UserDeletionOptions {
  readonly prisma: PrismaClient
  readonly rows: UserRepository
  readonly finding: UserLookup
  readonly erasures: Pick<ErasureRepository, 'createKept'>
  readonly access: Access
  readonly audit: Audit
}

/** Deleting personal data only: events stay. An erasure deletes both. */
export function createUserDeletion({ prisma, rows, finding, erasures, access, audit }: UserDeletionOptions) {
  return {
    /** Deletes a user's personal data; the statistics stay. @throws USER_NOT_FOUND */
    async remove(session: Session, id: string): Promise<void> {
      const caller = await session.activeCaller()
      const owner = { storeId: await finding.locate(tenantsOf(caller), id), id }
      const removed = await inTransaction(prisma, async (tx) => {
        await access.holdStore(tx, caller, owner.storeId)
        const there = await rows.remove(tx, owner)
        if (there) {
          const recordIds = [id.toLowerCase()]
          await erasures.createKept(tx, owner.storeId, recordIds)
          await audit.record(tx, session, { action: 'USER_DELETED', storeId: owner.storeId, recordIds })
        }
        return there
      })
      if (!removed) throw userNotFound()
    },

    /** Deletes the personal data of a store's users. @returns their number */
    async removeOfStore(session: Session, named: number): Promise<number> {
      const caller = await session.activeCaller()
      const storeId = tenantOf(caller, named)
      let deleted = 0
      for (;;) {
        const some = await inTransaction(prisma, async (tx) => {
          const state = await access.lockStore(tx, caller, storeId)
          if (state === undefined || state === 'DELETING') throw new DomainError('STORE_NOT_FOUND')
          if (state === 'BLOCKED' && caller.role !== 'ADMIN') throw new DomainError('STORE_BLOCKED')
          const ids = await rows.removeSome(tx, storeId)
          await erasures.createKept(tx, storeId, ids)
          const recordCount = ids.length
          if (recordCount > 0)
            await audit.record(tx, session, {
              action: 'STORE_USERS_DELETED',
              storeId,
              recordIds: [],
              recordCount,
            })
          return recordCount
        })
        deleted += some
        if (some === 0) return deleted
      }
    },
  }
}
