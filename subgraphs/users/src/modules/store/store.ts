import type { PrismaClient, Store } from '@user-stats/prisma-users'
import {
  badInput,
  DomainError,
  listableStores,
  mayReadTenant,
  requireAdmin,
  type AuditAction,
  type Caller,
} from '@user-stats/service'
import { fromCursor, requireFirst, toPage, type Page, type PageRequest } from '../../database/page.ts'
import { requireText } from '../../database/text.ts'
import { inTransaction, type Db } from '../../database/transaction.ts'
import type { Access, Session } from '../../identity/access.ts'
import type { Audit } from '../audit/audit.ts'
import { createKey } from '../api-key/secret.ts'
import type { Commands } from '../command/command.ts'
import type { ErasureRecord } from '../erasure/erasure-record.ts'
import type { ErasureRows } from '../erasure/erasure-rows.ts'
import type { Outcome } from '../erasure/outcome.ts'

export type StoreRecord = Store

export interface StoresOptions {
  readonly prisma: PrismaClient
  readonly access: Access
  readonly audit: Audit
  readonly commands: Commands
  readonly erasures: ErasureRows
  readonly outcome: Outcome
  readonly clock: () => Date
}

export type Stores = ReturnType<typeof createStores>

/** What may be changed of a store; what is absent stays. */
export interface StoreChanges {
  readonly name?: string | null
  /** Null: as long as those of all stores. */
  readonly retentionDays?: number | null
  readonly refuseEmailLikeData?: boolean | null
}

const maxRetentionDays = 36_500

function checkChanges({ name, retentionDays, refuseEmailLikeData }: StoreChanges): {
  name?: string
  retentionDays?: number | null
  refuseEmailLikeData?: boolean
} {
  if (name === null) throw badInput('name', 'must not be null')
  if (refuseEmailLikeData === null) throw badInput('refuseEmailLikeData', 'must not be null')
  if (retentionDays != null && (retentionDays < 1 || retentionDays > maxRetentionDays))
    throw badInput('retentionDays', 'must be 1 to 36,500 days, or null')
  return {
    ...(name !== undefined && { name: requireText('name', name, 300) }),
    ...(retentionDays !== undefined && { retentionDays }),
    ...(refuseEmailLikeData !== undefined && { refuseEmailLikeData }),
  }
}

const missing = (): DomainError => new DomainError('STORE_NOT_FOUND')
const isId = (id: string): boolean => /^[1-9]\d{0,9}$/.test(id) && Number(id) <= 2_147_483_647

/** Whether what a store shows of itself may be shown to a caller. */
const maySee = (caller: Caller, id: number): boolean =>
  mayReadTenant(caller, id) ||
  (caller.role === 'ANALYST' && (caller.storeId === undefined || caller.storeId === id))

/** Stores, and the admin's hand on them. What must hold in the events service too goes there as a command. */
export function createStores({ prisma, access, audit, commands, erasures, outcome, clock }: StoresOptions) {
  const record = (
    tx: Db,
    session: Session,
    action: AuditAction,
    id: number,
    fields: readonly string[] = [],
  ) => audit.record(tx, session, { action, storeId: id, recordIds: [String(id)], fields })

  async function setState(session: Session, id: number, state: 'ACTIVE' | 'BLOCKED'): Promise<StoreRecord> {
    const caller = await session.admitted()
    requireAdmin(caller)
    await inTransaction(prisma, async (tx) => {
      const before = await access.lockStore(tx, caller, id)
      if (before === undefined || before === 'DELETING') throw missing()
      if (before === state) return
      await tx.store.update({ where: { id }, data: { state } })
      const action = state === 'ACTIVE' ? 'STORE_UNBLOCKED' : 'STORE_BLOCKED'
      await record(tx, session, action, id)
      await commands.enqueue(tx, id, { kind: 'STORE_ACCESS', state })
    })
    // Also when nothing had to be changed: an attempt before may have been left half way.
    await commands.deliverAccess(id)
    const store = await prisma.store.findUnique({ where: { id } })
    if (store === null) throw missing()
    return store
  }

  return {
    /** Null when there is none, or it is not the caller's to see. */
    async byId(session: Session, id: number): Promise<StoreRecord | null> {
      const scope = listableStores(await session.admitted())
      return scope === null || scope === id ? await prisma.store.findUnique({ where: { id } }) : null
    },

    async page(
      session: Session,
      { first, after, offset }: PageRequest & { readonly offset: number },
    ): Promise<Page<StoreRecord>> {
      const scope = listableStores(await session.admitted())
      const limit = requireFirst(first)
      if (offset < 0)
        throw new DomainError('BAD_USER_INPUT', { field: 'offset', message: 'offset: must be 0 or more' })
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
     * Stores by id, for whoever may see what belongs to them.
     *
     * @returns in the order asked for; FORBIDDEN as a value where the caller may not look
     */
    async byIds(session: Session, ids: readonly number[]): Promise<(StoreRecord | null | Error)[]> {
      const caller = await session.admitted()
      const refuse = (): Error => new DomainError(caller.role === 'NOBODY' ? 'UNAUTHENTICATED' : 'FORBIDDEN')
      const visible = ids.filter((id) => maySee(caller, id))
      const found =
        visible.length === 0 ? [] : await prisma.store.findMany({ where: { id: { in: visible } } })
      const stores = new Map(found.map((store) => [store.id, store]))
      return ids.map((id) => (maySee(caller, id) ? (stores.get(id) ?? null) : refuse()))
    },

    /** Makes a store and its first key. The events service learns of it now or soon. */
    async create(
      session: Session,
      input: { readonly name: string; readonly isActive: boolean },
    ): Promise<{ store: StoreRecord; secret: string }> {
      const caller = await session.admitted()
      requireAdmin(caller)
      const name = requireText('name', input.name, 300)
      const state = input.isActive ? 'ACTIVE' : 'BLOCKED'
      const createdAt = clock()
      const { store, secret, command } = await inTransaction(prisma, async (tx) => {
        await access.holdKey(tx, caller)
        const store = await tx.store.create({ data: { name, state, createdAt } })
        const { secret, data } = createKey({ role: 'STORE', storeId: store.id, name, createdAt })
        await tx.apiKey.create({ data })
        await record(tx, session, 'STORE_CREATED', store.id)
        const recordIds = [data.id]
        await audit.record(tx, session, { action: 'API_KEY_CREATED', storeId: store.id, recordIds })
        const command = await commands.enqueue(tx, store.id, { kind: 'STORE_ACCESS', state })
        return { store, secret, command }
      })
      // The secret is shown this once: no failure from here on may keep it back.
      await commands.attempt(command)
      return { store, secret }
    },

    /**
     * The events service learns how long to keep raw events now or soon, and what to refuse before this is answered.
     *
     * @throws STORE_NOT_FOUND, BAD_USER_INPUT; SERVICE_UNAVAILABLE for what to refuse (repeat to finish)
     */
    async update(session: Session, id: number, changes: StoreChanges): Promise<StoreRecord> {
      const caller = await session.admitted()
      requireAdmin(caller)
      const data = checkChanges(changes)
      const { store, command } = await inTransaction(prisma, async (tx) => {
        const state = await access.lockStore(tx, caller, id)
        if (state === undefined || state === 'DELETING') throw missing()
        const store = await tx.store.update({ where: { id }, data })
        await record(tx, session, 'STORE_UPDATED', id, Object.keys(data))
        if (data.retentionDays === undefined && data.refuseEmailLikeData === undefined)
          return { store, command: null }
        // All settings, for they are taken over together.
        const { retentionDays, refuseEmailLikeData } = store
        const settings = { kind: 'STORE_SETTINGS', retentionDays, refuseEmailLikeData } as const
        return { store, command: await commands.enqueue(tx, id, settings) }
      })
      if (command !== null)
        await (data.refuseEmailLikeData === undefined ? commands.attempt(command) : commands.deliver(command))
      return store
    },

    /** Refuses a store's keys and tokens. @throws STORE_NOT_FOUND, SERVICE_UNAVAILABLE (repeat to finish) */
    block: (session: Session, id: number): Promise<StoreRecord> => setState(session, id, 'BLOCKED'),

    /** @throws STORE_NOT_FOUND, SERVICE_UNAVAILABLE (repeat to finish) */
    unblock: (session: Session, id: number): Promise<StoreRecord> => setState(session, id, 'ACTIVE'),

    /**
     * Deletes a store with its users, keys and events. Repeated after a failure it goes on where it stopped and
     * counts what was deleted before, too.
     *
     * @param signal says that nobody waits for the answer any more
     * @throws STORE_NOT_FOUND once the result was told, SERVICE_UNAVAILABLE when the end takes too long
     */
    async remove(session: Session, id: number, signal: AbortSignal): Promise<ErasureRecord> {
      const caller = await session.admitted()
      requireAdmin(caller)
      const subject = { storeId: id, subject: 'STORE', subjectId: '' } as const
      await inTransaction(prisma, async (tx) => {
        const state = await access.lockStore(tx, caller, id)
        if (state === undefined || state === 'DELETING') return
        await tx.store.update({ where: { id }, data: { state: 'DELETING' } })
        await tx.apiKey.updateMany({ where: { storeId: id, revokedAt: null }, data: { revokedAt: clock() } })
        await record(tx, session, 'STORE_DELETED', id)
        await commands.enqueue(tx, id, { kind: 'STORE_ACCESS', state: 'DELETED' })
        await erasures.create(tx, subject, 'ERASE')
        await erasures.tie(tx, subject, (await commands.enqueue(tx, id, { kind: 'DELETE_STORE' })).id)
      })
      // Tokens are refused everywhere before the long work begins.
      await commands.deliverAccess(id)
      return await outcome.of(await erasures.ofSubject(prisma, id, 'STORE', ''), missing, signal)
    },
  }
}
