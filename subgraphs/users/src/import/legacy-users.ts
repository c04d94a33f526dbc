import type { PrismaClient } from '@user-stats/prisma-users'
import type { AuditAction } from '@user-stats/audit-log'
import { inTransaction, type Db } from '../database/transaction.ts'
import type { Audit } from '../modules/audit/audit.service.ts'
import type { UserRecord, UserRepository } from '../modules/user/user.repository.ts'
import type { Person, Vault } from '../vault/vault.ts'

/** A user of the previous system, with the id they have there. */
export interface LegacyUser extends Person {
  readonly id: string
}

/** What was done with a user. */
export type LegacyUserOutcome =
  | 'ADDED'
  | 'CHANGED'
  | 'KNOWN'
  /** Erased here since an import before: stays erased. */
  | 'ERASED'
  /** The store was deleted here since. */
  | 'STORE_DELETED'

export interface ImportedUser {
  readonly outcome: LegacyUserOutcome
  /** Values that another user of the store has: this one got a stand-in, or none. */
  readonly repaired: readonly ('email' | 'username')[]
}

export interface LegacyUsersOptions {
  readonly prisma: PrismaClient
  readonly rows: UserRepository
  readonly vault: Vault
  readonly audit: Audit
  readonly command: string
  readonly clock: () => Date
}

/** The domain is reserved for addresses that lead nowhere, see RFC 2606. */
const standInDomain = '@import.invalid'
export const standInEmail = (id: string): string => `${id}${standInDomain}`

/** Registers users of the previous system under the ids they have there. */
export function createUserImport({ prisma, rows, vault, audit, command, clock }: LegacyUsersOptions) {
  const record = (tx: Db, action: AuditAction, storeId: number, recordIds: readonly string[]) =>
    recordIds.length === 0 ? undefined : audit.record(tx, { command }, { action, storeId, recordIds })

  /** Registers users; whoever has an e-mail or username that is taken gets a stand-in, or no username. */
  async function insert(
    tx: Db,
    storeId: number,
    users: readonly LegacyUser[],
  ): Promise<Map<string, Repair[]>> {
    const now = clock()
    const repairs = new Map(users.map(({ id }): [string, Repair[]] => [id, []]))
    let left: readonly UserRecord[] = users.map((user) => ({
      ...user,
      storeId,
      createdAt: now,
      updatedAt: now,
    }))
    while (left.length > 0) {
      const taken = await rows.insert(tx, storeId, left)
      left = left.flatMap((user) => {
        const code = taken.get(user.id)
        if (code === undefined) return []
        repairs.get(user.id)?.push(code === 'EMAIL_TAKEN' ? 'email' : 'username')
        return [
          code === 'EMAIL_TAKEN' ? { ...user, email: standInEmail(user.id) } : { ...user, username: null },
        ]
      })
    }
    return repairs
  }

  /** Takes over what was changed in the previous system, unless the user was changed here. */
  async function change(user: LegacyUser, here: UserRecord): Promise<boolean> {
    if (here.updatedAt.getTime() !== here.createdAt.getTime()) return false
    const { storeId, id, createdAt } = here
    const wanted: Person = {
      email: here.email.endsWith(standInDomain) ? here.email : user.email,
      username: here.username === null ? null : user.username,
      firstName: user.firstName,
      lastName: user.lastName,
      phone: user.phone,
      externalId: here.externalId,
    }
    const fields = Object.entries(wanted).filter(([name, value]) => here[name as keyof Person] !== value)
    if (fields.length === 0) return false
    // Another user may have taken the name since: then this one stays.
    const indexes = {
      emailIndex: vault.blind.email(storeId, wanted.email),
      ...(wanted.username !== null && { usernameIndex: vault.blind.username(storeId, wanted.username) }),
    }
    return await inTransaction(prisma, async (tx) => {
      const others = await tx.user.count({
        where: {
          storeId,
          id: { not: id },
          OR: Object.entries(indexes).map(([column, value]) => ({ [column]: value })),
        },
      })
      if (others > 0) return false
      await rows.update(tx, { storeId, id }, wanted, createdAt)
      await record(tx, 'USER_UPDATED', storeId, [id])
      return true
    })
  }

  return {
    /**
     * Registers users of one store in one transaction, in their order. May be repeated.
     *
     * @returns what was done with each, by their ids
     */
    async write(storeId: number, users: readonly LegacyUser[]): Promise<Map<string, ImportedUser>> {
      const outcomes = new Map<string, ImportedUser>()
      const set = (id: string, outcome: LegacyUserOutcome, repaired: readonly Repair[] = []) =>
        outcomes.set(id, { outcome, repaired })
      const known = await inTransaction(prisma, async (tx) => {
        outcomes.clear()
        const [store] = await tx.$queryRaw<{ state: string }[]>`
          SELECT state FROM stores WHERE store_id = ${storeId} FOR SHARE`
        if (store === undefined || store.state === 'DELETING') {
          for (const { id } of users) set(id, 'STORE_DELETED')
          return []
        }
        const ids = users.map(({ id }) => id)
        const here = await tx.user.findMany({
          where: { id: { in: ids } },
          select: { id: true, storeId: true },
        })
        const erased = await tx.erasure.findMany({
          where: { storeId, subjectId: { in: ids } },
          select: { subjectId: true },
        })
        for (const { id } of here) set(id, 'KNOWN')
        for (const { subjectId } of erased) set(subjectId, 'ERASED')
        const fresh = users.filter(({ id }) => !outcomes.has(id))
        for (const [id, repaired] of await insert(tx, storeId, fresh)) set(id, 'ADDED', repaired)
        await record(
          tx,
          'USER_CREATED',
          storeId,
          fresh.map(({ id }) => id),
        )
        return here.filter((user) => user.storeId === storeId)
      })
      const wanted = new Map(users.map((user) => [user.id, user]))
      for (const here of await rows.byIds(known, { signal: new AbortController().signal })) {
        const user = wanted.get(here.id)
        if (user && (await change(user, here))) set(here.id, 'CHANGED')
      }
      return outcomes
    },
  }
}

type Repair = ImportedUser['repaired'][number]
