import { validate as isUuid } from 'uuid'
import type { PrismaClient } from '@user-stats/prisma-users'
import { DomainError } from '@user-stats/core'
import type { UserRepository } from './user.repository.ts'

/** A store as a caller names it. Absent: their own. */
export type StoreId = number | null | undefined

export const userNotFound = (): DomainError => new DomainError('USER_NOT_FOUND')

export type UserLookup = ReturnType<typeof createUserLookup>

/** Where users are. */
export function createUserLookup({
  prisma,
  rows,
}: {
  readonly prisma: PrismaClient
  readonly rows: UserRepository
}) {
  return {
    /** An admin may name any store, one that does not exist included. @throws STORE_NOT_FOUND */
    async requireStore(storeId: number): Promise<number> {
      if ((await prisma.store.count({ where: { id: storeId } })) === 0)
        throw new DomainError('STORE_NOT_FOUND')
      return storeId
    },

    /** The store of a user. @param tenant where to look; null: everywhere @throws USER_NOT_FOUND */
    async locate(tenant: number | null, id: string): Promise<number> {
      const storeId = isUuid(id) ? await rows.storeOf(prisma, tenant, id) : undefined
      if (storeId === undefined) throw userNotFound()
      return storeId
    },
  }
}
