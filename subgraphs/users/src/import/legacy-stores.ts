import { v7 as createId } from 'uuid'
import type { PrismaClient } from '@user-stats/prisma-users'
import { inTransaction } from '../database/transaction.ts'
import type { Audit } from '../modules/audit/audit.service.ts'
import { hashApiKey } from '../modules/token/token.service.ts'

/** A store of the previous system, with the id it has there. */
export interface LegacyStore {
  readonly id: number
  readonly name: string
  readonly blocked: boolean
}

/** An API key of the previous system, in plain text. */
export interface LegacyKey {
  readonly key: string
  /** Null: an administrator's. */
  readonly storeId: number | null
  readonly name: string
}

/** What the events service has to learn of a store. */
export interface StoreCommand {
  readonly storeId: number
  readonly commandId: number
  readonly state: 'ACTIVE' | 'BLOCKED'
}

export interface LegacyStoresOptions {
  readonly prisma: PrismaClient
  readonly audit: Audit
  readonly command: string
  readonly clock: () => Date
}

/** Ids that are kept free beyond the greatest of the previous system. */
const headroom = 1_000

/** Makes the stores and API keys of the previous system, under the ids and with the keys they have there. */
export function createStoreImport({ prisma, audit, command, clock }: LegacyStoresOptions) {
  return {
    /** Those of some stores that are here, or were deleted here. */
    async known(ids: readonly number[]): Promise<{ here: Map<number, string>; deleted: Set<number> }> {
      const here = await prisma.store.findMany({ where: { id: { in: [...ids] } } })
      const deleted = await prisma.erasure.findMany({
        where: { storeId: { in: [...ids] }, subject: 'STORE' },
        select: { storeId: true },
      })
      return {
        here: new Map(here.map(({ id, name }) => [id, name])),
        deleted: new Set(deleted.map(({ storeId }) => storeId)),
      }
    },

    /** New stores are numbered beyond those of the previous system, which may go on making some. */
    async reserveIds(greatest: number): Promise<void> {
      await prisma.$executeRaw`
        SELECT setval('stores_store_id_seq', ${greatest + headroom}::bigint) FROM stores_store_id_seq
        WHERE last_value < ${greatest}::bigint OR (last_value = ${greatest}::bigint AND NOT is_called)`
    },

    /** Makes a store. @returns the command for the events database */
    create: ({ id, name, blocked }: LegacyStore): Promise<StoreCommand> =>
      inTransaction(prisma, async (tx) => {
        const state = blocked ? 'BLOCKED' : 'ACTIVE'
        await tx.store.create({ data: { id, name, state, createdAt: clock() } })
        await audit.record(tx, { command }, { action: 'STORE_CREATED', storeId: id, recordIds: [String(id)] })
        const row = await tx.command.create({
          data: { storeId: id, kind: 'STORE_ACCESS', payload: { state }, createdAt: clock() },
        })
        return { storeId: id, commandId: Number(row.id), state }
      }),

    /** Commands of a run before that broke off between both databases. */
    async undelivered(ids: readonly number[]): Promise<StoreCommand[]> {
      const rows = await prisma.command.findMany({
        where: { storeId: { in: [...ids] }, kind: 'STORE_ACCESS', deliveredAt: null },
        orderBy: { id: 'asc' },
      })
      return rows.flatMap(({ storeId, id, payload }) => {
        const state = (payload as { state?: string }).state
        return state === 'ACTIVE' || state === 'BLOCKED' ? [{ storeId, commandId: Number(id), state }] : []
      })
    },

    async markDelivered({ storeId, commandId }: StoreCommand): Promise<void> {
      await prisma.command.updateMany({
        where: { storeId, id: BigInt(commandId), deliveredAt: null },
        data: { deliveredAt: clock() },
      })
    },

    /**
     * Adds keys that are not here, by their hashes; one that was revoked stays so. @returns how many were
     * added
     */
    addKeys: (keys: readonly LegacyKey[]): Promise<number> =>
      inTransaction(prisma, async (tx) => {
        const rows = keys.map(({ key, storeId, name }) => ({
          id: createId(),
          role: storeId === null ? ('ADMIN' as const) : ('STORE' as const),
          storeId,
          name,
          // The rest may be all that makes a chosen key hard to guess.
          prefix: key.slice(0, Math.min(4, Math.floor(key.length / 4))),
          hash: hashApiKey(key),
          createdAt: clock(),
        }))
        const added = await tx.apiKey.createManyAndReturn({ data: rows, skipDuplicates: true })
        for (const { id, storeId } of added)
          await audit.record(tx, { command }, { action: 'API_KEY_CREATED', storeId, recordIds: [id] })
        return added.length
      }),
  }
}
