import { v7 as createId } from 'uuid'
import type { PrismaClient } from '@user-stats/prisma-users'
import { DomainError, tenantOf, tenantsOf, type Caller } from '@user-stats/core'
import type { AuditAction } from '@user-stats/audit-log'
import { inTransaction, violatedIndex, type Db } from '../../database/transaction.ts'
import type { Access, Session } from '../access/access.service.ts'
import type { Owner, Person } from '../../vault/vault.ts'
import type { Audit } from '../audit/audit.service.ts'
import { missing, type Finding, type StoreId } from './lookup.ts'
import { requireChanges, requirePerson, type PersonChanges } from './validation.ts'
import type { UserRecord, UserRows } from './user.repository.ts'

export interface WritingOptions {
  readonly prisma: PrismaClient
  readonly rows: UserRows
  readonly finding: Finding
  readonly access: Access
  readonly audit: Audit
  readonly clock: () => Date
}

/** Both indexes are unique per store; which one was hit says what is taken. */
function toTaken(error: unknown): unknown {
  const index = violatedIndex(error)
  if (index?.includes('email') === true) return new DomainError('EMAIL_TAKEN', { field: 'email' })
  if (index?.includes('username') === true) return new DomainError('USERNAME_TAKEN', { field: 'username' })
  return error
}

/** Registering users and changing what is known of them. */
export function createWriting({ prisma, rows, finding, access, audit, clock }: WritingOptions) {
  const write = <T>(caller: Caller, storeId: number, work: (tx: Db) => Promise<T>): Promise<T> =>
    inTransaction(prisma, async (tx) => {
      await access.holdStore(tx, caller, storeId)
      return await work(tx)
    }).catch((error: unknown) => {
      throw toTaken(error)
    })

  const record = (
    tx: Db,
    session: Session,
    action: AuditAction,
    { storeId, id }: Owner,
    fields: readonly string[] = [],
  ): Promise<void> => audit.record(tx, session, { action, storeId, recordIds: [id.toLowerCase()], fields })

  async function change(session: Session, owner: Owner, changes: Partial<Person>): Promise<UserRecord> {
    const user = await write(session.caller, owner.storeId, async (tx) => {
      const changed = await rows.update(tx, owner, changes, clock())
      if (changed !== undefined) await record(tx, session, 'USER_UPDATED', owner, Object.keys(changes))
      return changed
    })
    if (user === undefined) throw missing()
    return user
  }

  return {
    /** @throws EMAIL_TAKEN, USERNAME_TAKEN, STORE_NOT_FOUND, BAD_USER_INPUT */
    async create(session: Session, input: Person & { readonly storeId?: StoreId }): Promise<UserRecord> {
      const caller = await session.admitted()
      const owner = { storeId: tenantOf(caller, input.storeId), id: createId() }
      const person = requirePerson(input)
      const now = clock()
      await write(caller, owner.storeId, async (tx) => {
        await rows.insert(tx, owner, person, now)
        await record(tx, session, 'USER_CREATED', owner)
      })
      return { ...owner, ...person, createdAt: now, updatedAt: now }
    },

    /** @throws USER_NOT_FOUND, EMAIL_TAKEN, USERNAME_TAKEN, BAD_USER_INPUT */
    async update(
      session: Session,
      { id, ...input }: PersonChanges & { readonly id: string },
    ): Promise<UserRecord> {
      const caller = await session.admitted()
      const tenant = tenantsOf(caller)
      const changes = requireChanges(input)
      return await change(session, { storeId: await finding.locate(tenant, id), id }, changes)
    },

    /** @throws USER_NOT_FOUND, USERNAME_TAKEN, STORE_NOT_FOUND, BAD_USER_INPUT */
    async updateByEmail(
      session: Session,
      {
        email,
        storeId: named,
        ...input
      }: PersonChanges & { readonly email: string; readonly storeId?: StoreId },
    ): Promise<UserRecord> {
      const caller = await session.admitted()
      const storeId = tenantOf(caller, named)
      const changes = requireChanges(input)
      const user = await rows.byEmail(prisma, await finding.requireStore(storeId), email)
      if (user === undefined) throw missing()
      return await change(session, user, changes)
    },
  }
}
