import type { PrismaClient, Store } from '@user-stats/prisma-users'
import {
  badInput,
  DomainError,
  listableStores,
  mayReadTenant,
  type Caller,
  fromCursor,
  requireFirst,
  toPage,
  type Page,
  type PageRequest,
} from '@user-stats/core'
import type { Session } from '../access/access.service.ts'

export type StoreRecord = Store

/**
 * JSONPaths of `data` that analysts of a store may use; null: those of the events service's
 * ANALYST_DATA_PATHS.
 */
export const analystPathsOf = ({ analystDataPaths }: StoreRecord): string[] | null =>
  // Written by `update` only.
  analystDataPaths as string[] | null

const isId = (id: string): boolean => /^[1-9]\d{0,9}$/.test(id) && Number(id) <= 2_147_483_647

/** Whether a caller may read a store's own data. */
const maySee = (caller: Caller, id: number): boolean =>
  mayReadTenant(caller, id) ||
  (caller.role === 'ANALYST' && (caller.storeId === undefined || caller.storeId === id))

/** Reading stores. */
export function createStoreQueries({ prisma }: { readonly prisma: PrismaClient }) {
  return {
    /** Null when there is none, or the caller may not see it. */
    async byId(session: Session, id: number): Promise<StoreRecord | null> {
      const scope = listableStores(await session.activeCaller())
      return scope === null || scope === id ? await prisma.store.findUnique({ where: { id } }) : null
    },

    async page(
      session: Session,
      { first, after, offset }: PageRequest & { readonly offset: number },
    ): Promise<Page<StoreRecord>> {
      const scope = listableStores(await session.activeCaller())
      const limit = requireFirst(first)
      if (offset < 0) throw badInput('offset', 'must be 0 or more')
      const from = after == null ? 0 : Number(fromCursor(after, isId))
      const rows = await prisma.store.findMany({
        where: { AND: [{ id: { gt: from } }, ...(scope === null ? [] : [{ id: scope }])] },
        orderBy: { id: 'asc' },
        skip: offset,
        take: limit + 1,
      })
      return toPage(rows, limit)
    },

    /**
     * Stores by id, for callers who may see objects of them.
     *
     * @returns in the requested order; FORBIDDEN as a value where the caller may not look
     */
    async byIds(session: Session, ids: readonly number[]): Promise<(StoreRecord | null | Error)[]> {
      const caller = await session.activeCaller()
      const refuse = (): Error =>
        new DomainError(caller.role === 'ANONYMOUS' ? 'UNAUTHENTICATED' : 'FORBIDDEN')
      const visible = ids.filter((id) => maySee(caller, id))
      const found =
        visible.length === 0 ? [] : await prisma.store.findMany({ where: { id: { in: visible } } })
      const stores = new Map(found.map((store) => [store.id, store]))
      return ids.map((id) => (maySee(caller, id) ? (stores.get(id) ?? null) : refuse()))
    },
  }
}
