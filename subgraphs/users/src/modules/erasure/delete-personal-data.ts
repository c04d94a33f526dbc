import type { PrismaClient } from '@user-stats/prisma-users'
import { DomainError, tenantOf, tenantsOf } from '@user-stats/core'
import { inTransaction } from '../../database/transaction.ts'
import type { Access, Session } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'
import { createUserLookup, userNotFound } from '../user/lookup.ts'
import type { UserRepository } from '../user/user.repository.ts'
import type { ErasureRepository } from './erasure.repository.ts'

export interface PersonalDataDeletionOptions {
  readonly prisma: PrismaClient
  readonly users: UserRepository
  readonly erasures: Pick<ErasureRepository, 'createKept'>
  readonly access: Access
  readonly audit: Audit
}

/** Deleting personal data only: events stay. An erasure deletes both. */
export function createPersonalDataDeletion({
  prisma,
  users,
  erasures,
  access,
  audit,
}: PersonalDataDeletionOptions) {
  const lookup = createUserLookup({ prisma, rows: users })

  return {
    /** @throws USER_NOT_FOUND */
    async deletePersonalData(session: Session, id: string): Promise<void> {
      const caller = await session.activeCaller()
      const owner = { storeId: await lookup.locate(tenantsOf(caller), id), id }
      const deleted = await inTransaction(prisma, async (tx) => {
        await access.holdStore(tx, caller, owner.storeId)
        const isDeleted = await users.remove(tx, owner)
        if (isDeleted) {
          const recordIds = [id.toLowerCase()]
          await erasures.createKept(tx, owner.storeId, recordIds)
          await audit.record(tx, session, { action: 'USER_DELETED', storeId: owner.storeId, recordIds })
        }
        return isDeleted
      })
      if (!deleted) throw userNotFound()
    },

    /** Deletes the personal data of a store's users. @returns their number */
    async deletePersonalDataOfStore(session: Session, named: number): Promise<number> {
      const caller = await session.activeCaller()
      const storeId = tenantOf(caller, named)
      let deleted = 0
      for (;;) {
        const some = await inTransaction(prisma, async (tx) => {
          const state = await access.lockStore(tx, caller, storeId)
          if (state === undefined || state === 'DELETING') throw new DomainError('STORE_NOT_FOUND')
          if (state === 'BLOCKED' && caller.role !== 'ADMIN') throw new DomainError('STORE_BLOCKED')
          const ids = await users.removeSome(tx, storeId)
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
