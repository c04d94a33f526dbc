import { validate as isUuid } from 'uuid'
import type { PrismaClient } from '@user-stats/prisma-users'
import { auditedUserId } from '@user-stats/audit-log'
import { badInput, DomainError, tenantOf, tenantsOf } from '@user-stats/core'
import { fromCursor, requireFirst, toPage, type Page, type PageRequest } from '../../database/page.ts'
import { inTransaction, type Db } from '../../database/transaction.ts'
import type { Access, Session } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'
import type { Commands } from '../../outbox/deliver.ts'
import type { UserRepository } from '../user/user.repository.ts'
import type { ErasureRecord } from './erasure.types.ts'
import type { ErasureFilter, ErasureRepository, Subject } from './erasure.repository.ts'
import type { ErasureWait } from './await-erasure.ts'

type StoreId = number | null | undefined
export type ErasedEvents = 'ERASE' | 'ANONYMISE'

export interface ErasuresOptions {
  readonly prisma: PrismaClient
  readonly rows: UserRepository
  readonly erasures: ErasureRepository
  readonly access: Access
  readonly audit: Audit
  readonly commands: Commands
  readonly outcome: ErasureWait
}

export type Erasures = ReturnType<typeof createErasures>

const missing = (): DomainError => new DomainError('USER_NOT_FOUND')

/** As the events service accepts it. */
function requireVisitor(userId: string): string {
  if (userId.includes('\0') || !userId.isWellFormed())
    throw badInput('userId', 'must not contain NUL or unpaired surrogates')
  const length = Array.from(userId).length
  if (length < 1 || length > 128) throw badInput('userId', 'must have 1 to 128 characters')
  return userId
}

/** Erasing users and visitors, and listing erasures: for their store and for admins. */
export function createErasures({
  prisma,
  rows,
  erasures,
  access,
  audit,
  commands,
  outcome,
}: ErasuresOptions) {
  /** Records the erasure and its command in the transaction that decides it. Once per subject. */
  async function decide(
    tx: Db,
    session: Session,
    subject: Subject,
    events: ErasedEvents,
    erased?: Readonly<Record<string, number>>,
  ): Promise<void> {
    if (!(await erasures.create(tx, subject, events, erased))) return
    const { storeId, subjectId: userId } = subject
    const command = await commands.enqueue(tx, storeId, { kind: 'ERASE_USER', userId, events })
    await erasures.tie(tx, subject, command.id)
    const action = subject.subject === 'USER' ? 'USER_ERASED' : 'VISITOR_ERASED'
    await audit.record(tx, session, { action, storeId, recordIds: [auditedUserId(userId)] })
  }

  async function beginUser(
    session: Session,
    storeId: number,
    id: string,
    events: ErasedEvents,
  ): Promise<void> {
    await inTransaction(prisma, async (tx) => {
      await access.holdStore(tx, session.caller, storeId)
      // When a concurrent request was faster, its erasure is recorded.
      if (await rows.remove(tx, { storeId, id }))
        await decide(tx, session, { storeId, subject: 'USER', subjectId: id }, events, {
          users: 1,
          user_keys: 1,
        })
    })
  }

  async function beginVisitor(session: Session, subject: Subject, events: ErasedEvents): Promise<void> {
    const { storeId, subjectId: id } = subject
    await inTransaction(prisma, async (tx) => {
      await access.holdStore(tx, session.caller, storeId)
      // A visitor's id may be a registered one in upper case: they differ.
      if (isUuid(id) && id === id.toLowerCase() && (await rows.storeOf(tx, storeId, id)) !== undefined)
        throw badInput('userId', 'is a registered user. Use eraseUser')
      await decide(tx, session, subject, events)
    })
  }

  return {
    /**
     * Deletes a user's personal data and data key at once, and then their events. A repeated request
     * continues an interrupted erasure.
     *
     * @param signal aborted when no client waits for the result any more
     * @throws USER_NOT_FOUND once the result was returned, SERVICE_UNAVAILABLE when the end takes too long
     */
    async user(
      session: Session,
      id: string,
      events: ErasedEvents,
      signal: AbortSignal,
    ): Promise<ErasureRecord> {
      const caller = await session.activeCaller()
      const tenant = tenantsOf(caller)
      if (!isUuid(id)) throw missing()
      const userId = id.toLowerCase()
      const storeId = await rows.storeOf(prisma, tenant, userId)
      if (storeId !== undefined) await beginUser(session, storeId, userId, events)
      return await outcome.of(await erasures.ofSubject(prisma, tenant, 'USER', userId), missing, signal)
    },

    /**
     * Erases a visitor, by an id that is not a registered user's. A repeated request continues an interrupted
     * erasure.
     *
     * @throws USER_NOT_FOUND once the result was returned, SERVICE_UNAVAILABLE when the end takes too long,
     *   BAD_USER_INPUT for a registered user, STORE_NOT_FOUND
     */
    async visitor(
      session: Session,
      input: { readonly storeId?: StoreId; readonly userId: string; readonly events: ErasedEvents },
      signal: AbortSignal,
    ): Promise<ErasureRecord> {
      const caller = await session.activeCaller()
      const storeId = tenantOf(caller, input.storeId)
      const subject = { storeId, subject: 'VISITOR', subjectId: requireVisitor(input.userId) } as const
      await beginVisitor(session, subject, input.events)
      const erasure = await erasures.ofSubject(prisma, storeId, 'VISITOR', subject.subjectId)
      return await outcome.of(erasure, missing, signal)
    },

    /** Null when there is none, or it belongs to another store. */
    async byId(session: Session, id: string): Promise<ErasureRecord | null> {
      const tenant = tenantsOf(await session.activeCaller())
      return isUuid(id) ? ((await erasures.byId(tenant, id)) ?? null) : null
    },

    /** @param filter.storeId admins may leave it out */
    async page(
      session: Session,
      { storeId: named, ...filter }: Omit<ErasureFilter, 'storeId'> & { readonly storeId?: StoreId },
      { first, after }: PageRequest,
    ): Promise<Page<ErasureRecord>> {
      const caller = await session.activeCaller()
      const storeId = caller.role === 'ADMIN' ? (named ?? null) : tenantOf(caller, named)
      const limit = requireFirst(first)
      const from = after == null ? null : fromCursor(after, isUuid)
      return toPage(await erasures.page({ ...filter, storeId }, from, limit + 1), limit)
    },
  }
}
