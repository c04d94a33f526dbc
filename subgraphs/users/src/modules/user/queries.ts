import { validate as isUuid } from 'uuid'
import type { PrismaClient } from '@user-stats/prisma-users'
import {
  DomainError,
  mayReadTenant,
  tenantOf,
  tenantsOf,
  fromCursor,
  requireFirst,
  toPage,
  type Page,
  type PageRequest,
} from '@user-stats/core'
import type { Session } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'
import { userNotFound, type UserLookup, type StoreId } from './lookup.ts'
import type { UserRecord, UserRepository } from './user.repository.ts'

/** A reference to a user by events: the store and its `userId`. */
export interface UserReference {
  readonly storeId: number
  readonly ref: string
}

export interface UserQueriesOptions {
  readonly prisma: PrismaClient
  readonly rows: UserRepository
  readonly finding: UserLookup
  readonly audit: Audit
}

/** Reading registered users. Reads of admins are recorded first. */
export function createUserQueries({ prisma, rows, finding, audit }: UserQueriesOptions) {
  /** A user's personal data; reads of admins are recorded first. @param storeId the searched store */
  async function shown(session: Session, storeId: number | null, user: UserRecord | undefined) {
    await audit.read(session, user?.storeId ?? storeId, user === undefined ? [] : [user.id])
    return user ?? null
  }

  return {
    /** Null when there is none, or it belongs to another store. */
    async byId(session: Session, id: string): Promise<UserRecord | null> {
      const tenant = tenantsOf(await session.activeCaller())
      return isUuid(id) ? await shown(session, tenant, await rows.byId(prisma, tenant, id)) : null
    },

    /**
     * Recorded for any caller: it exports all data about a user.
     *
     * @throws USER_NOT_FOUND when there is none, or it belongs to another store
     */
    async exported(session: Session, id: string): Promise<UserRecord> {
      const tenant = tenantsOf(await session.activeCaller())
      const user = isUuid(id) ? await rows.byId(prisma, tenant, id) : undefined
      if (user === undefined) {
        await audit.read(session, tenant, [])
        throw userNotFound()
      }
      await audit.exported(session, user)
      return user
    },

    async byEmail(session: Session, email: string, named: StoreId): Promise<UserRecord | null> {
      const storeId = await finding.requireStore(tenantOf(await session.activeCaller(), named))
      return await shown(session, storeId, await rows.byEmail(prisma, storeId, email))
    },

    async byExternalId(session: Session, externalId: string, named: StoreId): Promise<UserRecord | null> {
      const storeId = await finding.requireStore(tenantOf(await session.activeCaller(), named))
      return await shown(session, storeId, await rows.byExternalId(prisma, storeId, externalId))
    },

    async page(session: Session, named: StoreId, { first, after }: PageRequest): Promise<Page<UserRecord>> {
      const storeId = await finding.requireStore(tenantOf(await session.activeCaller(), named))
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
     * @param request its signal aborts the work
     * @returns in the requested order; FORBIDDEN as a value where the caller may not look
     */
    async byReferences(
      session: Session,
      references: readonly UserReference[],
      request: { readonly signal: AbortSignal },
    ): Promise<(UserRecord | null | Error)[]> {
      const caller = await session.activeCaller()
      const refuse = (): Error =>
        new DomainError(caller.role === 'ANONYMOUS' ? 'UNAUTHENTICATED' : 'FORBIDDEN')
      // A visitor's id may be a registered one in upper case: they differ.
      const owners = references
        .filter(
          ({ storeId, ref }) => mayReadTenant(caller, storeId) && isUuid(ref) && ref === ref.toLowerCase(),
        )
        .map(({ storeId, ref }) => ({ storeId, id: ref }))
      const found = owners.length === 0 ? [] : await rows.byIds(owners, request)
      await Promise.all(found.map(({ storeId, id }) => audit.read(session, storeId, [id])))
      const users = new Map(found.map((user) => [`${String(user.storeId)}/${user.id}`, user]))
      return references.map(({ storeId, ref }) =>
        mayReadTenant(caller, storeId) ? (users.get(`${String(storeId)}/${ref}`) ?? null) : refuse(),
      )
    },
  }
}
