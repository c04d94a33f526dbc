import { validate as isUuid } from 'uuid'
import type { PrismaClient } from '@user-stats/prisma-users'
import { auditedUserId } from '@user-stats/audit-log'
import { badInput, DomainError, requireAdmin, tenantOf, tenantsOf, withDeadline } from '@user-stats/core'
import type { Logger } from '@user-stats/http'
import { requireStorableText } from '../../database/text.ts'
import { inTransaction, type Db } from '../../database/transaction.ts'
import { createDelivery, type Delivery } from '../../outbox/deliver.ts'
import type { Command, Outbox } from '../../outbox/outbox-repository.ts'
import type { CommandProgress } from '../../outbox/apply.ts'
import type { SendCommand } from '../../outbox/send-command.ts'
import type { Access, Session } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'
import { userNotFound } from '../user/lookup.ts'
import type { UserRepository } from '../user/user.repository.ts'
import type { ErasureRepository, Subject } from './erasure.repository.ts'
import type { ErasureRecord } from './erasure.types.ts'
import type { Receipts } from './receipt.ts'

export type ErasedEvents = 'ERASE' | 'ANONYMISE'

export interface VisitorErasure {
  readonly storeId?: number | null | undefined
  readonly userId: string
  readonly events: ErasedEvents
}

export interface ErasureProcessOptions {
  readonly prisma: PrismaClient
  readonly users: UserRepository
  readonly erasures: ErasureRepository
  readonly access: Access
  readonly audit: Audit
  readonly outbox: Outbox
  readonly accessDelivery: Delivery
  readonly sendCommand: SendCommand
  readonly receipts: Receipts
  /** Maximum milliseconds that a request waits for the end of an erasure. */
  readonly maxWait: number
  readonly clock: () => Date
  readonly log: Logger
}

const storeNotFound = (): DomainError => new DomainError('STORE_NOT_FOUND')

/**
 * The erasure process, in the order in which it happens: a request deletes the personal data and enqueues a
 * command, in one transaction; the events service executes the command in bounded steps, whose progress is
 * recorded; the end is recorded with a signed receipt. Each step is committed, so an interrupted erasure
 * continues where it stopped: when the request is repeated, or when the outbox relay finds the command.
 */
export function createErasureProcess({
  prisma,
  users,
  erasures,
  access,
  audit,
  outbox,
  accessDelivery,
  sendCommand,
  receipts,
  maxWait,
  clock,
  log,
}: ErasureProcessOptions) {
  const delivery = createDelivery({ queue: 'ERASURE', outbox, execute, log })

  /**
   * Erases a registered user: personal data and data key at once, then the events.
   *
   * @param signal aborted when no client waits for the result any more
   * @throws USER_NOT_FOUND once the result was returned, SERVICE_UNAVAILABLE when the end takes too long
   */
  async function eraseUser(
    session: Session,
    id: string,
    events: ErasedEvents,
    signal: AbortSignal,
  ): Promise<ErasureRecord> {
    const tenant = tenantsOf(await session.activeCaller())
    if (!isUuid(id)) throw userNotFound()
    const userId = id.toLowerCase()
    const storeId = await users.storeOf(prisma, tenant, userId)
    if (storeId !== undefined)
      await inTransaction(prisma, async (tx) => {
        await access.holdStore(tx, session.caller, storeId)
        // When a concurrent request was faster, its erasure is recorded.
        if (await users.remove(tx, { storeId, id: userId })) {
          const subject = { storeId, subject: 'USER', subjectId: userId } as const
          await request(tx, session, subject, events, { users: 1, user_keys: 1 })
        }
      })
    return await finish(await erasures.ofSubject(prisma, tenant, 'USER', userId), userNotFound, signal)
  }

  /**
   * Erases a visitor, by an id that is not a registered user's.
   *
   * @param signal aborted when no client waits for the result any more
   * @throws USER_NOT_FOUND once the result was returned, SERVICE_UNAVAILABLE when the end takes too long,
   *   BAD_USER_INPUT for a registered user, STORE_NOT_FOUND
   */
  async function eraseVisitor(
    session: Session,
    { storeId: named, userId, events }: VisitorErasure,
    signal: AbortSignal,
  ): Promise<ErasureRecord> {
    const storeId = tenantOf(await session.activeCaller(), named)
    const subject = {
      storeId,
      subject: 'VISITOR',
      subjectId: requireStorableText('userId', userId, 128),
    } as const
    await inTransaction(prisma, async (tx) => {
      await access.holdStore(tx, session.caller, storeId)
      // A visitor's id may be a registered one in upper case: they differ.
      const isRegistered = isUuid(userId) && userId === userId.toLowerCase()
      if (isRegistered && (await users.storeOf(tx, storeId, userId)) !== undefined)
        throw badInput('userId', 'is a registered user. Use eraseUser')
      await request(tx, session, subject, events)
    })
    return await finish(await erasures.ofSubject(prisma, storeId, 'VISITOR', userId), userNotFound, signal)
  }

  /**
   * Records the erasure, its command and its audit entry. Once per subject. @param erased rows deleted, by
   * table
   */
  async function request(
    tx: Db,
    session: Session,
    subject: Subject,
    events: ErasedEvents,
    erased?: Readonly<Record<string, number>>,
  ): Promise<void> {
    if (!(await erasures.create(tx, subject, events, erased))) return
    const { storeId, subjectId: userId } = subject
    const command = await outbox.enqueue(tx, storeId, { kind: 'ERASE_USER', userId, events })
    await erasures.tie(tx, subject, command.id)
    const action = subject.subject === 'USER' ? 'USER_ERASED' : 'VISITOR_ERASED'
    await audit.record(tx, session, { action, storeId, recordIds: [auditedUserId(userId)] })
  }

  /**
   * Deletes a store with its users, keys and events.
   *
   * @param signal aborted when no client waits for the result any more
   * @throws STORE_NOT_FOUND once the result was returned, SERVICE_UNAVAILABLE when the end takes too long
   */
  async function eraseStore(session: Session, id: number, signal: AbortSignal): Promise<ErasureRecord> {
    const caller = await session.activeCaller()
    requireAdmin(caller)
    const subject = { storeId: id, subject: 'STORE', subjectId: '' } as const
    await inTransaction(prisma, async (tx) => {
      const state = await access.lockStore(tx, caller, id)
      if (state === undefined || state === 'DELETING') return
      await tx.store.update({ where: { id }, data: { state: 'DELETING' } })
      await tx.apiKey.updateMany({ where: { storeId: id, revokedAt: null }, data: { revokedAt: clock() } })
      await audit.record(tx, session, { action: 'STORE_DELETED', storeId: id, recordIds: [String(id)] })
      await outbox.enqueue(tx, id, { kind: 'STORE_ACCESS', state: 'DELETED' })
      await erasures.create(tx, subject, 'ERASE')
      await erasures.tie(tx, subject, (await outbox.enqueue(tx, id, { kind: 'DELETE_STORE' })).id)
    })
    // Tokens are rejected everywhere before the long work begins.
    await accessDelivery.deliver(await outbox.pendingAccess(id))
    return await finish(await erasures.ofSubject(prisma, id, 'STORE', ''), storeNotFound, signal)
  }

  /**
   * Waits for the end of an erasure. Every request that waits for it gets the result, and, if none did, the
   * first later request. After that the subject no longer exists.
   */
  async function finish(
    erasure: ErasureRecord | undefined,
    notFound: () => DomainError,
    signal: AbortSignal,
  ): Promise<ErasureRecord> {
    if (erasure?.reportedAt !== null) throw notFound()
    const { id, storeId, commandId } = erasure
    if (erasure.state !== 'DONE' && commandId !== null)
      await withDeadline(delivery.deliver({ storeId, id: commandId, queue: 'ERASURE' }), maxWait, () =>
        stillRunning(id),
      )
    const done = await erasures.byId(storeId, id)
    if (done?.state !== 'DONE') throw stillRunning(id)
    // Not reported when the client has disconnected.
    if (!signal.aborted) await erasures.reported(done)
    return done
  }

  /** Executes a command of the outbox, until the events service has completed it. */
  async function execute(command: Command, stop: AbortSignal): Promise<void> {
    await erasures.begin(command)
    if (command.kind === 'DELETE_STORE') await deleteUsersOfStore(command, stop)
    let progress = await sendCommand(command)
    while (!progress.finished) {
      await erasures.progressed(command, progress)
      stop.throwIfAborted()
      progress = await sendCommand(command)
    }
    await complete(command, progress)
  }

  /** Deletes users in batches; their number is recorded with the erasure. */
  async function deleteUsersOfStore(command: Command, stop: AbortSignal): Promise<void> {
    for (;;) {
      const deleted = await inTransaction(prisma, async (tx) => {
        await tx.$queryRaw`SELECT 1 FROM stores WHERE store_id = ${command.storeId} FOR UPDATE`
        const { length } = await users.removeSome(tx, command.storeId)
        if (length > 0) await erasures.addUsersDeleted(tx, command, length)
        return length
      })
      if (deleted === 0) return
      stop.throwIfAborted()
    }
  }

  /** Ends an erasure once: record, receipt and command in one transaction. */
  async function complete(command: Command, progress: CommandProgress): Promise<void> {
    const sign = await receipts.signer()
    await inTransaction(prisma, async (tx) => {
      const erasure = await erasures.byCommand(tx, command)
      if (erasure !== undefined && erasure.state !== 'DONE') {
        const ofStore = command.kind === 'DELETE_STORE' ? await deleteStore(tx, command.storeId) : {}
        const { finished: _, rows, ...counts } = progress
        const erasedRows = { users: { ...erasure.erasedRows.users, ...ofStore }, events: rows }
        const finishedAt = clock()
        const receipt = sign({ ...erasure, ...counts, erasedRows, finishedAt })
        await erasures.finish(tx, erasure, { ...counts, erasedRows, receipt, finishedAt })
      }
      await outbox.markDelivered(tx, command)
    })
  }

  /** @returns deleted rows, by table */
  async function deleteStore(tx: Db, id: number): Promise<Record<string, number>> {
    const stores = await tx.store.deleteMany({ where: { id } })
    const apiKeys = await tx.apiKey.deleteMany({ where: { storeId: id } })
    return { stores: stores.count, api_keys: apiKeys.count }
  }

  return { eraseUser, eraseVisitor, eraseStore, delivery }
}

const stillRunning = (id: string): DomainError =>
  new DomainError('SERVICE_UNAVAILABLE', {
    message: `The erasure continues. Repeat the request to wait for its end, or query erasure(id: "${id}").`,
    retryAfter: 5,
  })
