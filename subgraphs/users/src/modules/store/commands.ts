import { Prisma, type PrismaClient } from '@user-stats/prisma-users'
import { badInput, parseDataPath, requireAdmin, requireAll } from '@user-stats/core'
import { requireText } from '../../database/text.ts'
import { inTransaction } from '../../database/transaction.ts'
import type { Access, Session } from '../access/access.service.ts'
import { createKey } from '../api-key/secret.ts'
import type { Audit } from '../audit/audit.service.ts'
import type { Delivery } from '../../outbox/deliver.ts'
import type { Outbox } from '../../outbox/outbox-repository.ts'
import { missing, recordChange } from './audit.ts'
import { analystPathsOf, type StoreRecord } from './queries.ts'

export interface StoreCommandsOptions {
  readonly prisma: PrismaClient
  readonly access: Access
  readonly audit: Audit
  readonly outbox: Outbox
  readonly delivery: Delivery
  readonly clock: () => Date
}

/** The changeable members of a store; absent ones stay. */
export interface StoreChanges {
  readonly name?: string | null
  /** Null: the general retention time. */
  readonly retentionDays?: number | null
  readonly refuseEmailLikeData?: boolean | null
  /** Null: those of the events service's ANALYST_DATA_PATHS. */
  readonly analystDataPaths?: readonly string[] | null
}

const maxRetentionDays = 36_500
const maxAnalystPaths = 20

function requirePaths(paths: readonly string[]): void {
  if (paths.length > maxAnalystPaths)
    throw badInput('analystDataPaths', `must be at most ${String(maxAnalystPaths)} paths`)
  requireAll(...paths.map((path, at) => () => parseDataPath(`analystDataPaths[${String(at)}]`, path)))
}

/** A member that may be absent, but not null. */
function requireValue<T>(field: string, value: T | null | undefined): T | undefined {
  if (value === null) throw badInput(field, 'must not be null')
  return value
}

function requireDays(days: number | null | undefined): void {
  if (days != null && (days < 1 || days > maxRetentionDays))
    throw badInput('retentionDays', 'must be 1 to 36,500 days, or null')
}

/** @throws BAD_USER_INPUT naming each invalid member */
function checkChanges({ name, retentionDays, refuseEmailLikeData, analystDataPaths }: StoreChanges) {
  requireAll(
    () => requireText('name', requireValue('name', name) ?? 'as it is', 300),
    () => {
      requireDays(retentionDays)
    },
    () => requireValue('refuseEmailLikeData', refuseEmailLikeData),
    () => {
      requirePaths(analystDataPaths ?? [])
    },
  )
  return {
    ...(name != null && { name }),
    ...(retentionDays !== undefined && { retentionDays }),
    ...(refuseEmailLikeData != null && { refuseEmailLikeData }),
    ...(analystDataPaths !== undefined && {
      analystDataPaths: analystDataPaths === null ? Prisma.DbNull : [...new Set(analystDataPaths)],
    }),
  }
}

/** Creating stores, and changing their names and settings. */
export function createStoreCommands({
  prisma,
  access,
  audit,
  outbox,
  delivery,
  clock,
}: StoreCommandsOptions) {
  return {
    /** Creates a store and its first key. The events service is notified now or soon. */
    async create(
      session: Session,
      input: { readonly name: string; readonly isActive: boolean },
    ): Promise<{ store: StoreRecord; secret: string }> {
      const caller = await session.activeCaller()
      requireAdmin(caller)
      const name = requireText('name', input.name, 300)
      const state = input.isActive ? 'ACTIVE' : 'BLOCKED'
      const createdAt = clock()
      const { store, secret, command } = await inTransaction(prisma, async (tx) => {
        await access.holdKey(tx, caller)
        const store = await tx.store.create({ data: { name, state, createdAt } })
        const { secret, data } = createKey({ role: 'STORE', storeId: store.id, name, createdAt })
        await tx.apiKey.create({ data })
        await recordChange(audit, tx, session, 'STORE_CREATED', store.id)
        const recordIds = [data.id]
        await audit.record(tx, session, { action: 'API_KEY_CREATED', storeId: store.id, recordIds })
        const command = await outbox.enqueue(tx, store.id, { kind: 'STORE_ACCESS', state })
        return { store, secret, command }
      })
      // The secret is only shown now: no later failure may lose it.
      await delivery.attempt(command)
      return { store, secret }
    },

    /**
     * The events service is notified of the retention time now or soon; of refused data and analyst paths
     * before this is answered.
     *
     * @throws STORE_NOT_FOUND, BAD_USER_INPUT; SERVICE_UNAVAILABLE for settings that apply at once (repeat to
     *   finish)
     */
    async update(session: Session, id: number, changes: StoreChanges): Promise<StoreRecord> {
      const caller = await session.activeCaller()
      requireAdmin(caller)
      const data = checkChanges(changes)
      const atOnce = data.refuseEmailLikeData !== undefined || data.analystDataPaths !== undefined
      const { store, command } = await inTransaction(prisma, async (tx) => {
        const state = await access.lockStore(tx, caller, id)
        if (state === undefined || state === 'DELETING') throw missing()
        const store = await tx.store.update({ where: { id }, data })
        await recordChange(audit, tx, session, 'STORE_UPDATED', id, Object.keys(data))
        if (!atOnce && data.retentionDays === undefined) return { store, command: null }
        // Send all settings: they are applied together.
        const { retentionDays, refuseEmailLikeData } = store
        const analystDataPaths = analystPathsOf(store)
        const settings = {
          kind: 'STORE_SETTINGS',
          retentionDays,
          refuseEmailLikeData,
          analystDataPaths,
        } as const
        return { store, command: await outbox.enqueue(tx, id, settings) }
      })
      if (command !== null) await (atOnce ? delivery.deliver(command) : delivery.attempt(command))
      return store
    },
  }
}
