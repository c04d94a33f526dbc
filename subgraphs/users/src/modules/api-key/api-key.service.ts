import { validate as isUuid } from 'uuid'
import type { ApiKey, PrismaClient } from '@user-stats/prisma-users'
import {
  badInput,
  DomainError,
  requireAdmin,
  requireAll,
  type Caller,
  fromCursor,
  requireFirst,
  toPage,
  type Page,
  type PageRequest,
} from '@user-stats/core'
import { requireText } from '../../database/text.ts'
import { inTransaction, lockTask, type Db } from '../../database/transaction.ts'
import type { Access, Session } from '../access/access.service.ts'
import type { Audit } from '../audit/audit.service.ts'
import type { Delivery } from '../../outbox/deliver.ts'
import type { Outbox } from '../../outbox/outbox-repository.ts'
import { publishableRules, type Publishable } from './publishable.ts'
import { createKey } from './secret.ts'

export type ApiKeyRecord = Omit<ApiKey, 'hash'>

export interface ApiKeysOptions {
  readonly prisma: PrismaClient
  readonly access: Access
  readonly audit: Audit
  readonly outbox: Outbox
  readonly delivery: Delivery
  readonly clock: () => Date
}

export interface CreateApiKey extends Publishable {
  readonly storeId?: number | null | undefined
  readonly name: string
  readonly expiresAt?: Date | null | undefined
}

export type ApiKeys = ReturnType<typeof createApiKeys>

const maxOverlap = 2_592_000
const missing = (): DomainError => new DomainError('API_KEY_NOT_FOUND')
const omit = { hash: true } as const

/** The store that a key of this role is for. @throws BAD_USER_INPUT */
function storeIdOf({ role, storeId = null }: CreateApiKey): number | null {
  if ((role === 'STORE' || role === 'WRITER') && storeId === null)
    throw badInput('storeId', `is required for a ${role} key`)
  if (role === 'ADMIN' && storeId !== null) throw badInput('storeId', 'must be left out for an ADMIN key')
  return storeId
}

/** What a key has in common with the one that replaces it. */
const pick = ({ role, name, allowedOrigins, allowedTypes }: ApiKeyRecord) => ({
  role,
  name,
  allowedOrigins,
  allowedTypes,
})

/** API keys, for admins. */
export function createApiKeys({ prisma, access, audit, outbox, delivery, clock }: ApiKeysOptions) {
  const isUsable = ({ revokedAt, expiresAt }: ApiKeyRecord): boolean =>
    revokedAt === null && (expiresAt === null || expiresAt > clock())

  const hold = (tx: Db, caller: Caller, storeId: number | null): Promise<void> =>
    storeId === null ? access.holdKey(tx, caller) : access.holdStore(tx, caller, storeId)

  /** The store a key belongs to, which never changes. */
  async function storeOf(id: string): Promise<number | null> {
    const key = isUuid(id)
      ? await prisma.apiKey.findUnique({ where: { id }, select: { storeId: true } })
      : null
    if (key === null) throw missing()
    return key.storeId
  }

  async function lockKey(tx: Db, id: string): Promise<ApiKeyRecord> {
    await tx.$queryRaw`SELECT 1 FROM api_keys WHERE id = ${id}::uuid FOR UPDATE`
    const key = await tx.apiKey.findUnique({ where: { id }, omit })
    if (key === null) throw missing()
    return key
  }

  /** At least one admin key must remain, now and after the expiry of those that expire. */
  async function requireOtherAdmins(tx: Db, key: ApiKeyRecord): Promise<void> {
    if (key.role !== 'ADMIN' || !isUsable(key)) return
    const others = await tx.apiKey.findMany({
      where: { role: 'ADMIN', revokedAt: null, id: { not: key.id } },
      omit,
    })
    const usable = others.filter(isUsable)
    const lasting = usable.some(({ expiresAt }) => expiresAt === null)
    if (usable.length === 0 || (key.expiresAt === null && !lasting)) throw new DomainError('LAST_ADMIN_KEY')
  }

  return {
    async page(
      session: Session,
      storeId: number | null | undefined,
      { first, after }: PageRequest,
    ): Promise<Page<ApiKeyRecord>> {
      requireAdmin(await session.activeCaller())
      const limit = requireFirst(first)
      const rows = await prisma.apiKey.findMany({
        where: {
          ...(storeId != null && { storeId }),
          ...(after != null && { id: { gt: fromCursor(after, isUuid) } }),
        },
        // Ids are ordered by time.
        orderBy: { id: 'asc' },
        take: limit + 1,
        omit,
      })
      return toPage(rows, limit)
    },

    /** @throws BAD_USER_INPUT, STORE_NOT_FOUND */
    async create(session: Session, input: CreateApiKey): Promise<{ apiKey: ApiKeyRecord; secret: string }> {
      const caller = await session.activeCaller()
      requireAdmin(caller)
      const createdAt = clock()
      const { role, name, expiresAt = null } = input
      requireAll(
        () => storeIdOf(input),
        () => requireText('name', name, 300),
        () => {
          if (expiresAt !== null && expiresAt <= createdAt)
            throw badInput('expiresAt', 'must be in the future')
        },
        ...publishableRules(input),
      )
      const storeId = storeIdOf(input)
      const { secret, data } = createKey({
        role,
        storeId,
        name,
        createdAt,
        expiresAt,
        allowedOrigins: input.allowedOrigins ?? [],
        allowedTypes: input.allowedTypes ?? [],
      })
      const apiKey = await inTransaction(prisma, async (tx) => {
        await hold(tx, caller, storeId)
        await audit.record(tx, session, { action: 'API_KEY_CREATED', storeId, recordIds: [data.id] })
        return await tx.apiKey.create({ data, omit })
      })
      return { apiKey, secret }
    },

    /**
     * Creates a key that replaces another, which keeps working for `overlapSeconds`.
     *
     * @throws API_KEY_NOT_FOUND, API_KEY_INACTIVE, BAD_USER_INPUT
     */
    async rotate(
      session: Session,
      id: string,
      overlapSeconds: number,
    ): Promise<{ apiKey: ApiKeyRecord; secret: string; replaced: ApiKeyRecord }> {
      const caller = await session.activeCaller()
      requireAdmin(caller)
      if (overlapSeconds < 0 || overlapSeconds > maxOverlap)
        throw badInput('overlapSeconds', `must be between 0 and ${maxOverlap.toLocaleString('en')}`)
      const now = clock()
      const storeId = await storeOf(id)
      const { command, ...rotated } = await inTransaction(prisma, async (tx) => {
        await hold(tx, caller, storeId)
        const old = await lockKey(tx, id)
        if (!isUsable(old)) throw new DomainError('API_KEY_INACTIVE')
        const { secret, data } = createKey({ ...pick(old), storeId, createdAt: now })
        const overlapEnd = new Date(now.getTime() + overlapSeconds * 1_000)
        const expiresAt = old.expiresAt !== null && old.expiresAt < overlapEnd ? old.expiresAt : overlapEnd
        const replaced = await tx.apiKey.update({ where: { id: old.id }, data: { expiresAt }, omit })
        const apiKey = await tx.apiKey.create({ data, omit })
        const recordIds = [apiKey.id, old.id]
        await audit.record(tx, session, { action: 'API_KEY_ROTATED', storeId, recordIds })
        // Earlier tokens do not contain the key's expiry: the events service must know it.
        const command = await outbox.enqueue(tx, storeId ?? 0, {
          kind: 'KEY_REVOKED',
          keyId: old.id,
          ...(overlapSeconds > 0 && { dueAt: expiresAt.toISOString() }),
        })
        return { apiKey, secret, replaced, command }
      })
      await delivery.attempt(command)
      return rotated
    },

    /**
     * Revokes a key and every token issued for it, from now on.
     *
     * @throws API_KEY_NOT_FOUND, LAST_ADMIN_KEY, SERVICE_UNAVAILABLE (repeat to finish)
     */
    async revoke(session: Session, id: string): Promise<ApiKeyRecord> {
      const caller = await session.activeCaller()
      requireAdmin(caller)
      if (!isUuid(id)) throw missing()
      const { apiKey, command } = await inTransaction(prisma, async (tx) => {
        // When two admins revoke each other's key at once, the second finds that it is the last.
        await lockTask(tx, 'adminKeys')
        await access.holdKey(tx, caller)
        const key = await lockKey(tx, id)
        if (key.revokedAt !== null) return { apiKey: key, command: undefined }
        await requireOtherAdmins(tx, key)
        const apiKey = await tx.apiKey.update({ where: { id: key.id }, data: { revokedAt: clock() }, omit })
        const { storeId } = key
        await audit.record(tx, session, { action: 'API_KEY_REVOKED', storeId, recordIds: [key.id] })
        const command = await outbox.enqueue(tx, storeId ?? 0, { kind: 'KEY_REVOKED', keyId: key.id })
        return { apiKey, command }
      })
      await delivery.deliver(command ?? (await outbox.pendingKeyRevocation(apiKey.storeId ?? 0, apiKey.id)))
      return apiKey
    },
  }
}
