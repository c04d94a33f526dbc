import { v7 as createId, validate as isUuid } from 'uuid'
import type { PrismaClient } from '@user-stats/prisma-users'
import { DomainError, mayReadTenant, tenantOf, tenantsOf, type Caller } from '@user-stats/service'
import { fromCursor, requireFirst, toPage, type Page, type PageRequest } from '../../database/page.ts'
import { inTransaction, violatedIndex, type Db } from '../../database/transaction.ts'
import type { Access, Session } from '../../identity/access.ts'
import type { Person } from '../../vault/vault.ts'
import type { Commands } from '../command/command.ts'
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
  readonly access: Access
  readonly commands: Commands
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
export function createUsers({ prisma, rows, access, commands, clock }: UsersOptions) {
  const write = <T>(caller: Caller, storeId: number, work: (tx: Db) => Promise<T>): Promise<T> =>
    inTransaction(prisma, async (tx) => {
      await access.holdStore(tx, caller, storeId)
      return await work(tx)
    }).catch((error: unknown) => {
      throw toTaken(error)
    })

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

  async function change(
    caller: Caller,
    owner: { storeId: number; id: string },
    changes: Partial<Person>,
  ): Promise<UserRecord> {
    const user = await write(caller, owner.storeId, (tx) => rows.update(tx, owner, changes, clock()))
    if (user === undefined) throw missing()
    return user
  }

  return {
    /** Null when there is none, or it belongs to another store. */
    async byId(session: Session, id: string): Promise<UserRecord | null> {
      const tenant = tenantsOf(await session.admitted())
      return isUuid(id) ? ((await rows.byId(prisma, tenant, id)) ?? null) : null
    },

    async byEmail(session: Session, email: string, named: StoreId): Promise<UserRecord | null> {
      const storeId = await requireStore(tenantOf(await session.admitted(), named))
      return (await rows.byEmail(prisma, storeId, email)) ?? null
    },

    async page(session: Session, named: StoreId, { first, after }: PageRequest): Promise<Page<UserRecord>> {
      const storeId = await requireStore(tenantOf(await session.admitted(), named))
      const limit = requireFirst(first)
      const from = after == null ? null : fromCursor(after, isUuid)
      return toPage(await rows.page(prisma, storeId, from, limit + 1), limit)
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
      const found = owners.length === 0 ? [] : await rows.byIds(prisma, owners)
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
      await write(caller, owner.storeId, (tx) => rows.insert(tx, owner, person, now))
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
      return await change(caller, { storeId: await locate(tenant, id), id }, changes)
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
      return await change(caller, user, changes)
    },

    /** Deletes a user's personal data; the statistics stay. @throws USER_NOT_FOUND */
    async remove(session: Session, id: string): Promise<void> {
      const caller = await session.admitted()
      const storeId = await locate(tenantsOf(caller), id)
      if (!(await write(caller, storeId, (tx) => rows.remove(tx, { storeId, id })))) throw missing()
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
          return await rows.removeSome(tx, storeId)
        })
        deleted += some
        if (some === 0) return deleted
      }
    },

    /**
     * Deletes a user here and with all events. Repeated after a failure it goes on where it stopped.
     *
     * @returns how many events were deleted
     * @throws USER_NOT_FOUND once it is done, SERVICE_UNAVAILABLE while the events service is away
     */
    async erase(session: Session, id: string): Promise<number> {
      const caller = await session.admitted()
      const tenant = tenantsOf(caller)
      if (!isUuid(id)) throw missing()
      const storeId = await rows.storeOf(prisma, tenant, id)
      const command =
        (storeId !== undefined ? await beginErasure(caller, { storeId, id }) : undefined) ??
        (await commands.pendingErasure(tenant, id.toLowerCase()))
      if (command === undefined) throw missing()
      return (await commands.deliver(command)).eventsDeleted
    },
  }

  async function beginErasure(caller: Caller, owner: { storeId: number; id: string }) {
    return await write(caller, owner.storeId, async (tx) => {
      // Undefined when another request was faster: its command is then waiting.
      if (!(await rows.remove(tx, owner))) return undefined
      return await commands.enqueue(tx, owner.storeId, { kind: 'ERASE_USER', userId: owner.id.toLowerCase() })
    })
  }
}
