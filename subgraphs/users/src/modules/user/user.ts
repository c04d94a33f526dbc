import { v7 as createId, validate as isUuid } from 'uuid'
import type { PrismaClient } from '@user-stats/prisma-users'
import {
  DomainError,
  mayReadTenant,
  tenantOf,
  tenantsOf,
  type AuditAction,
  type Caller,
} from '@user-stats/service'
import { fromCursor, requireFirst, toPage, type Page, type PageRequest } from '../../database/page.ts'
import { inTransaction, violatedIndex, type Db } from '../../database/transaction.ts'
import type { Access, Session } from '../../identity/access.ts'
import type { Owner, Person } from '../../vault/vault.ts'
import type { Audit } from '../audit/audit.ts'
import type { ErasureRows } from '../erasure/erasure-rows.ts'
import { requireChanges, requirePerson, type PersonChanges } from './person.ts'
import type { UserRecord, UserRows } from './user-rows.ts'

export type { UserRecord } from './user-rows.ts'

type StoreId = number | null | undefined

/** How events refer to a user: the store and what it sends as `userId`. */
export interface UserReference {
  readonly storeId: number
  readonly ref: string
}

export interface UsersOptions {
  readonly prisma: PrismaClient
  readonly rows: UserRows
  readonly erasures: Pick<ErasureRows, 'createKept'>
  readonly access: Access
  readonly audit: Audit
  readonly clock: () => Date
}

export type Users = ReturnType<typeof createUsers>

const missing = (): DomainError => new DomainError('USER_NOT_FOUND')

/** Both indexes are unique per store; which one was hit says what is taken. */
function toTaken(error: unknown): unknown {
  const index = violatedIndex(error)
  if (index?.includes('email') === true) return new DomainError('EMAIL_TAKEN', { field: 'email' })
  if (index?.includes('username') === true) return new DomainError('USERNAME_TAKEN', { field: 'username' })
  return error
}

/** Registered users: personal data, for the store it belongs to and for admins. */
export function createUsers({ prisma, rows, erasures, access, audit, clock }: UsersOptions) {
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

  /** What is shown of a user; what an admin is shown is recorded before. @param storeId where it was looked for */
  async function shown(session: Session, storeId: number | null, user: UserRecord | undefined) {
    await audit.read(session, user?.storeId ?? storeId, user === undefined ? [] : [user.id])
    return user ?? null
  }

  /** An admin may name any store, one that does not exist included. */
  async function requireStore(storeId: number): Promise<number> {
    if ((await prisma.store.count({ where: { id: storeId } })) === 0) throw new DomainError('STORE_NOT_FOUND')
    return storeId
  }

  async function locate(tenant: number | null, id: string): Promise<number> {
    const storeId = isUuid(id) ? await rows.storeOf(prisma, tenant, id) : undefined
    if (storeId === undefined) throw missing()
    return storeId
  }

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
    /** Null when there is none, or it belongs to another store. */
    async byId(session: Session, id: string): Promise<UserRecord | null> {
      const tenant = tenantsOf(await session.admitted())
      return isUuid(id) ? await shown(session, tenant, await rows.byId(prisma, tenant, id)) : null
    },

    /**
     * Recorded whoever asks: all that is held leaves the system by this.
     *
     * @throws USER_NOT_FOUND when there is none, or it belongs to another store
     */
    async exported(session: Session, id: string): Promise<UserRecord> {
      const tenant = tenantsOf(await session.admitted())
      const user = isUuid(id) ? await rows.byId(prisma, tenant, id) : undefined
      if (user === undefined) {
        await audit.read(session, tenant, [])
        throw missing()
      }
      await audit.exported(session, user)
      return user
    },

    async byEmail(session: Session, email: string, named: StoreId): Promise<UserRecord | null> {
      const storeId = await requireStore(tenantOf(await session.admitted(), named))
      return await shown(session, storeId, await rows.byEmail(prisma, storeId, email))
    },

    async page(session: Session, named: StoreId, { first, after }: PageRequest): Promise<Page<UserRecord>> {
      const storeId = await requireStore(tenantOf(await session.admitted(), named))
      const limit = requireFirst(first)
      const from = after == null ? null : fromCursor(after, isUuid)
      const page = toPage(await rows.page(prisma, storeId, from, limit + 1), limit)
      const ids = page.rows.map(({ id }) => id)
      await audit.read(session, storeId, ids)
      return page
    },

    /**
     * The registered users behind references; null for visitors.
     *
     * @returns in the order asked for; FORBIDDEN as a value where the caller may not look
     */
    async byReferences(
      session: Session,
      references: readonly UserReference[],
    ): Promise<(UserRecord | null | Error)[]> {
      const caller = await session.admitted()
      const refuse = (): Error => new DomainError(caller.role === 'NOBODY' ? 'UNAUTHENTICATED' : 'FORBIDDEN')
      // A visitor's id may read like a registered one in capitals: it is another.
      const owners = references
        .filter(
          ({ storeId, ref }) => mayReadTenant(caller, storeId) && isUuid(ref) && ref === ref.toLowerCase(),
        )
        .map(({ storeId, ref }) => ({ storeId, id: ref }))
      const found = owners.length === 0 ? [] : await rows.byIds(owners)
      await Promise.all(found.map(({ storeId, id }) => audit.read(session, storeId, [id])))
      const users = new Map(found.map((user) => [`${String(user.storeId)}/${user.id}`, user]))
      return references.map(({ storeId, ref }) =>
        mayReadTenant(caller, storeId) ? (users.get(`${String(storeId)}/${ref}`) ?? null) : refuse(),
      )
    },

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
      return await change(session, { storeId: await locate(tenant, id), id }, changes)
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
      const user = await rows.byEmail(prisma, await requireStore(storeId), email)
      if (user === undefined) throw missing()
      return await change(session, user, changes)
    },

    /** Deletes a user's personal data; the statistics stay. @throws USER_NOT_FOUND */
    async remove(session: Session, id: string): Promise<void> {
      const caller = await session.admitted()
      const owner = { storeId: await locate(tenantsOf(caller), id), id }
      const removed = await write(caller, owner.storeId, async (tx) => {
        const there = await rows.remove(tx, owner)
        if (there) {
          await erasures.createKept(tx, owner.storeId, [id.toLowerCase()])
          await record(tx, session, 'USER_DELETED', owner)
        }
        return there
      })
      if (!removed) throw missing()
    },

    /** Deletes the personal data of a store's users. @returns how many there were */
    async removeOfStore(session: Session, named: number): Promise<number> {
      const caller = await session.admitted()
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
