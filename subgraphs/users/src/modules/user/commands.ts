import type { PrismaClient } from '@user-stats/prisma-users'
import { tenantOf, tenantsOf } from '@user-stats/core'
import { inTransaction } from '../../database/transaction.ts'
import type { Access, Session } from '../access/access.service.ts'
import type { Owner, Person } from '../../vault/vault.ts'
import type { Audit } from '../audit/audit.service.ts'
import { userNotFound, type UserLookup, type StoreId } from './lookup.ts'
import { requireChanges, type PersonChanges } from './validation.ts'
import { toTaken, type UserRecord, type UserRepository } from './user.repository.ts'

export interface UserCommandsOptions {
  readonly prisma: PrismaClient
  readonly rows: UserRepository
  readonly finding: UserLookup
  readonly access: Access
  readonly audit: Audit
  readonly clock: () => Date
}

/** Changing users. */
export function createUserCommands({ prisma, rows, finding, access, audit, clock }: UserCommandsOptions) {
  async function change(session: Session, owner: Owner, changes: Partial<Person>): Promise<UserRecord> {
    const { storeId, id } = owner
    const user = await inTransaction(prisma, async (tx) => {
      await access.holdStore(tx, session.caller, storeId)
      const changed = await rows.update(tx, owner, changes, clock())
      if (changed !== undefined)
        await audit.record(tx, session, {
          action: 'USER_UPDATED',
          storeId,
          recordIds: [id.toLowerCase()],
          fields: Object.keys(changes),
        })
      return changed
    }).catch((error: unknown) => {
      throw toTaken(error)
    })
    if (user === undefined) throw userNotFound()
    return user
  }

  return {
    /** @throws USER_NOT_FOUND, EMAIL_TAKEN, USERNAME_TAKEN, EXTERNAL_ID_TAKEN, BAD_USER_INPUT */
    async update(
      session: Session,
      { id, ...input }: PersonChanges & { readonly id: string },
    ): Promise<UserRecord> {
      const caller = await session.activeCaller()
      const tenant = tenantsOf(caller)
      const changes = requireChanges(input)
      return await change(session, { storeId: await finding.locate(tenant, id), id }, changes)
    },

    /** @throws USER_NOT_FOUND, USERNAME_TAKEN, EXTERNAL_ID_TAKEN, STORE_NOT_FOUND, BAD_USER_INPUT */
    async updateByEmail(
      session: Session,
      {
        email,
        storeId: named,
        ...input
      }: PersonChanges & { readonly email: string; readonly storeId?: StoreId },
    ): Promise<UserRecord> {
      const caller = await session.activeCaller()
      const storeId = tenantOf(caller, named)
      const changes = requireChanges(input)
      const user = await rows.byEmail(prisma, await finding.requireStore(storeId), email)
      if (user === undefined) throw userNotFound()
      return await change(session, user, changes)
    },
  }
}
