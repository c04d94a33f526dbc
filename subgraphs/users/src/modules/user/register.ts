import { setImmediate as turn } from 'node:timers/promises'
import { v7 as createId } from 'uuid'
import type { PrismaClient } from '@user-stats/prisma-users'
import { badInput, DomainError, requireAll, tenantOf, type Caller } from '@user-stats/core'
import { inTransaction } from '../../database/transaction.ts'
import type { Access, Session } from '../access/access.service.ts'
import type { Person } from '../../vault/vault.ts'
import type { Audit } from '../audit/audit.service.ts'
import type { StoreId } from './lookup.ts'
import { takenError, type UserRecord, type UserRepository } from './user.repository.ts'
import { requirePerson, type PersonInput } from './validation.ts'

export interface RegistrationOptions {
  readonly prisma: PrismaClient
  readonly rows: UserRepository
  readonly access: Access
  readonly audit: Audit
  readonly clock: () => Date
}

/** A user to register. */
export type NewUser = PersonInput & { readonly storeId?: StoreId }

/** The user, or the error. */
export type Registered = UserRecord | DomainError

const maxUsers = 1_000
/** Users that are sealed in one turn of the event loop and inserted by one statement. */
const chunkSize = 50

/** Registering users. */
export function createRegistration({ prisma, rows, access, audit, clock }: RegistrationOptions) {
  /** @throws BAD_USER_INPUT with all faults of the user, FORBIDDEN */
  function prepare(caller: Caller, input: NewUser): { storeId: number; person: Person } {
    const requireStore = (): number => tenantOf(caller, input.storeId)
    requireAll(requireStore, () => requirePerson(input))
    return { storeId: requireStore(), person: requirePerson(input) }
  }

  /** Registers users of one store in one transaction. @returns an outcome for each, in order */
  async function register(
    session: Session,
    storeId: number,
    people: readonly Person[],
  ): Promise<readonly Registered[]> {
    const now = clock()
    const users = people.map((person) => ({
      storeId,
      id: createId(),
      ...person,
      createdAt: now,
      updatedAt: now,
    }))
    return await inTransaction(prisma, async (tx) => {
      await access.holdStore(tx, session.caller, storeId)
      const outcomes: Registered[] = []
      for (let from = 0; from < users.length; from += chunkSize) {
        if (from > 0) await turn()
        const chunk = users.slice(from, from + chunkSize)
        const taken = await rows.insert(tx, storeId, chunk)
        outcomes.push(
          ...chunk.map((user) => {
            const code = taken.get(user.id)
            return code === undefined ? user : takenError(code)
          }),
        )
      }
      const recordIds = outcomes.flatMap((user) => (user instanceof DomainError ? [] : [user.id]))
      if (recordIds.length > 0)
        await audit.record(tx, session, { action: 'USER_CREATED', storeId, recordIds })
      return outcomes
    })
  }

  return {
    /** @throws EMAIL_TAKEN, USERNAME_TAKEN, EXTERNAL_ID_TAKEN, STORE_NOT_FOUND, BAD_USER_INPUT */
    async create(session: Session, input: NewUser): Promise<UserRecord> {
      const { storeId, person } = prepare(await session.activeCaller(), input)
      const [user] = await register(session, storeId, [person])
      if (user === undefined || user instanceof DomainError)
        throw user ?? new DomainError('INTERNAL_SERVER_ERROR')
      return user
    },

    /**
     * Registers up to 1,000 users; each has an outcome of its own, in order. Valid users of a store are
     * inserted together or not at all.
     *
     * @throws BAD_USER_INPUT for their number, and errors of access that concern them all
     */
    async createMany(session: Session, inputs: readonly NewUser[]): Promise<readonly Registered[]> {
      const caller = await session.activeCaller()
      // A caller without access gets one error for the whole request.
      if (caller.role !== 'STORE' && caller.role !== 'ADMIN') tenantOf(caller)
      if (inputs.length > maxUsers)
        throw badInput('users', `must be ${maxUsers.toLocaleString('en')} users at most`)
      const outcomes = new Array<Registered>(inputs.length)
      const byStore = new Map<number, { at: number; person: Person }[]>()
      for (const [at, input] of inputs.entries())
        try {
          const { storeId, person } = prepare(caller, input)
          const people = byStore.get(storeId) ?? []
          people.push({ at, person })
          byStore.set(storeId, people)
        } catch (error) {
          if (!(error instanceof DomainError)) throw error
          outcomes[at] = error
        }
      for (const [storeId, people] of byStore) {
        const registered = await register(
          session,
          storeId,
          people.map(({ person }) => person),
        ).catch((error: unknown) => {
          // Only admins name stores; another store may exist.
          if (error instanceof DomainError && error.code === 'STORE_NOT_FOUND') return people.map(() => error)
          throw error
        })
        for (const [index, { at }] of people.entries())
          outcomes[at] = registered[index] ?? new DomainError('INTERNAL_SERVER_ERROR')
      }
      return outcomes
    },
  }
}
