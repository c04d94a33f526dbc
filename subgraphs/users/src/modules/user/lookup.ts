import { validate as isUuid } from 'uuid'
import type { PrismaClient } from '@user-stats/prisma-users'
import { DomainError } from '@user-stats/core'
import type { UserRepository } from './user.repository.ts'

/** A store as named by a caller. Absent: their own. */
export type StoreId = number | null | undefined

export const userNotFound = (): DomainError => new DomainError('USER_NOT_FOUND')

export type UserLookup = ReturnType<typeof createUserLookup>

/** Resolves the store that a user belongs to. */
export function createUserLookup({
  prisma,
  rows,
}: {
  readonly prisma: PrismaClient
  readonly rows: UserRepository
}) {
  return {
    /** An admin may name any store, even an unknown one. @throws STORE_NOT_FOUND */
    async requireStore(storeId: number): Promise<number> {
      if ((await prisma.store.count({ where: { id: storeId } })) === 0)
        throw new DomainError('STORE_NOT_FOUND')
      return storeId
    },

    /** The store of a user. @param tenant the store to search; null: all @throws USER_NOT_FOUND */
    async locate(tenant: number | null, id: string): Promise<number> {
      const storeId = isUuid(id) ? await rows.storeOf(prisma, tenant, id) : undefined
      if (storeId === undefined) throw userNotFound()
      return storeId
    },
  }
}
