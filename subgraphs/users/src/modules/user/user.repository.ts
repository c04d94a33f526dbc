import type { Pool } from 'pg'
import { inChunks } from '@user-stats/core'
import { Prisma } from '@user-stats/prisma-users'
import { DomainError, type ErrorCode } from '@user-stats/core'
import { violatedIndex, type Db } from '../../database/transaction.ts'
import type { Owner, Person, Vault, WrappedDataKey } from '../../vault/vault.ts'

/** A user as returned by the graph. */
export interface UserRecord extends Owner, Person {
  readonly createdAt: Date
  readonly updatedAt: Date
}

interface Row extends Owner, WrappedDataKey {
  readonly sealed: Uint8Array
  readonly createdAt: Date
  readonly updatedAt: Date
}

const selectText = `
  SELECT u.store_id AS "storeId", u.id, u.sealed, k.key, k.master_key_id AS "masterKeyId",
    u.created_at AS "createdAt", u.updated_at AS "updatedAt"
  FROM users u JOIN user_keys k ON k.store_id = u.store_id AND k.user_id = u.id`
const select = Prisma.raw(selectText)
const byIdsText = `${selectText}
  JOIN unnest($1::int[], $2::uuid[]) AS wanted (store_id, id) ON u.store_id = wanted.store_id AND u.id = wanted.id`

const batch = 1_000
/** Opening an envelope takes a tenth of a millisecond. */
const openedAtOnce = 100

/** The values that are unique in a store. */
interface Indexes {
  readonly emailIndex: Uint8Array<ArrayBuffer>
  readonly usernameIndex: Uint8Array<ArrayBuffer> | null
  readonly externalIdIndex: Uint8Array<ArrayBuffer> | null
}

/** The user's values that another user of the store already has. */
export type Taken = keyof typeof takenFields
const takenFields = {
  EMAIL_TAKEN: ['email', 'emailIndex'],
  USERNAME_TAKEN: ['username', 'usernameIndex'],
  EXTERNAL_ID_TAKEN: ['externalId', 'externalIdIndex'],
} as const satisfies Partial<Record<ErrorCode, readonly [keyof Person, keyof Indexes]>>
const takenCodes = Object.keys(takenFields) as Taken[]

export const takenError = (code: Taken): DomainError => new DomainError(code, { field: takenFields[code][0] })

/** The error for a violated unique index; other errors unchanged. */
export function toTaken(error: unknown): unknown {
  const index = violatedIndex(error)
  const code = takenCodes.find((known) => index?.includes(columnOf(known)))
  return code === undefined ? error : takenError(code)
}
const columnOf = (code: Taken): string => code.toLowerCase().replace(/taken$/, 'index')

const personOf = ({ email, username, firstName, lastName, phone, externalId }: Person): Person => ({
  email,
  username,
  firstName,
  lastName,
  phone,
  externalId,
})

export type UserRepository = ReturnType<typeof createUserRepository>

/** The tables of users and their data keys, always read together. */
export function createUserRepository({ vault, pool }: { readonly vault: Vault; readonly pool: Pool }) {
  const open = ({ key, masterKeyId, sealed, ...row }: Row): UserRecord => ({
    ...row,
    ...vault.open(row, { key, masterKeyId }, sealed),
  })
  const openAll = (rows: readonly Row[]): Promise<UserRecord[]> =>
    inChunks(rows, openedAtOnce, (some) => some.map(open))
  const all = async (db: Db, condition: Prisma.Sql): Promise<UserRecord[]> =>
    await openAll(await db.$queryRaw<Row[]>`${select} ${condition}`)
  const one = async (db: Db, condition: Prisma.Sql): Promise<UserRecord | undefined> =>
    (await all(db, condition))[0]

  const indexesOf = (storeId: number, { email, username, externalId }: Person): Indexes => ({
    emailIndex: vault.blind.email(storeId, email),
    usernameIndex: username === null ? null : vault.blind.username(storeId, username),
    externalIdIndex: externalId === null ? null : vault.blind.externalId(storeId, externalId),
  })

  /** The conflicting values of users that were not inserted. */
  async function findTaken(
    db: Db,
    storeId: number,
    left: readonly (Indexes & { readonly id: string })[],
  ): Promise<ReadonlyMap<string, Taken>> {
    const found = await db.user.findMany({
      where: {
        storeId,
        OR: takenCodes.map((code) => {
          const column = takenFields[code][1]
          return { [column]: { in: left.flatMap((user) => user[column] ?? []) } }
        }),
      },
      select: { emailIndex: true, usernameIndex: true, externalIdIndex: true },
    })
    const hex = (index: Uint8Array | null): string =>
      index === null ? '' : Buffer.from(index).toString('hex')
    const known = takenCodes.map((code) => {
      const column = takenFields[code][1]
      return { code, column, values: new Set(found.map((other) => hex(other[column])).filter(Boolean)) }
    })
    return new Map(
      left.map((user) => {
        const code = known.find(({ column, values }) => values.has(hex(user[column])))?.code
        // The other user was deleted in the meantime.
        if (code === undefined) throw new DomainError('SERVICE_UNAVAILABLE')
        return [user.id, code]
      }),
    )
  }

  return {
    /** @param storeId null: any store */
    byId: (db: Db, storeId: number | null, id: string) =>
      one(
        db,
        storeId === null
          ? Prisma.sql`WHERE u.id = ${id}::uuid`
          : Prisma.sql`WHERE u.store_id = ${storeId} AND u.id = ${id}::uuid`,
      ),

    /** There is at most one; LIMIT tells the planner, which has no statistics of this column. */
    byEmail: (db: Db, storeId: number, email: string) =>
      one(
        db,
        Prisma.sql`WHERE u.store_id = ${storeId} AND u.email_index = ${vault.blind.email(storeId, email)} LIMIT 1`,
      ),

    byExternalId: (db: Db, storeId: number, externalId: string) =>
      one(
        db,
        Prisma.sql`WHERE u.store_id = ${storeId} AND u.external_id_index = ${vault.blind.externalId(storeId, externalId)} LIMIT 1`,
      ),

    /** In no particular order; unknown ones are omitted. Used for the users of event lists. */
    byIds: (owners: readonly Owner[], request: { readonly signal: AbortSignal }): Promise<UserRecord[]> =>
      inChunks(
        owners,
        batch,
        async (some) => {
          const { rows } = await pool.query<Row>({
            name: 'users-by-ids',
            text: byIdsText,
            values: [some.map(({ storeId }) => storeId), some.map(({ id }) => id)],
          })
          return await openAll(rows)
        },
        request,
      ),

    page: (db: Db, storeId: number, after: string | null, limit: number) =>
      all(
        db,
        Prisma.sql`WHERE u.store_id = ${storeId} AND (${after}::uuid IS NULL OR u.id > ${after}::uuid)
          ORDER BY u.id LIMIT ${limit}`,
      ),

    /** The store that a user belongs to. */
    async storeOf(db: Db, storeId: number | null, id: string): Promise<number | undefined> {
      const user = await db.user.findFirst({
        where: { id, ...(storeId !== null && { storeId }) },
        select: { storeId: true },
      })
      return user?.storeId
    },

    /**
     * Registers users of a store in order, except those with a value that another user has.
     *
     * @returns conflicts, by the id of the user that was not registered
     */
    async insert(db: Db, storeId: number, users: readonly UserRecord[]): Promise<ReadonlyMap<string, Taken>> {
      const sealed = users.map(({ id, createdAt, updatedAt, ...user }) => {
        const owner = { storeId, id }
        const person = personOf(user)
        return {
          ...owner,
          ...indexesOf(storeId, person),
          ...vault.create(owner, person),
          createdAt,
          updatedAt,
        }
      })
      const written = await db.user.createManyAndReturn({
        data: sealed.map(({ key: _key, ...row }) => row),
        skipDuplicates: true,
        select: { id: true },
      })
      const ids = new Set(written.map(({ id }) => id))
      await db.userKey.createMany({
        data: sealed
          .filter(({ id }) => ids.has(id))
          .map(({ id, key, createdAt }) => ({
            storeId,
            userId: id,
            key,
            masterKeyId: vault.masterKeyId,
            createdAt,
          })),
      })
      const left = sealed.filter(({ id }) => !ids.has(id))
      return left.length === 0 ? new Map() : await findTaken(db, storeId, left)
    },

    /** Changes a user; concurrent changes of the same user wait. Undefined when there is none. */
    async update(
      db: Db,
      { storeId, id }: Owner,
      changes: Partial<Person>,
      now: Date,
    ): Promise<UserRecord | undefined> {
      const [row] = await db.$queryRaw<Row[]>`
        ${select} WHERE u.store_id = ${storeId} AND u.id = ${id}::uuid FOR UPDATE OF u`
      if (row === undefined) return undefined
      const person = personOf({ ...open(row), ...changes })
      await db.user.update({
        where: { storeId_id: { storeId, id } },
        data: {
          ...indexesOf(storeId, person),
          sealed: vault.reseal(row, row, person),
          updatedAt: now,
        },
      })
      return { storeId: row.storeId, id: row.id, ...person, createdAt: row.createdAt, updatedAt: now }
    },

    /** Deletes a user's personal data and data key. */
    async remove(db: Db, { storeId, id }: Owner): Promise<boolean> {
      const { count } = await db.user.deleteMany({ where: { storeId, id } })
      await db.userKey.deleteMany({ where: { storeId, userId: id } })
      return count > 0
    },

    /**
     * Deletes some of a store's users, so that no transaction grows with the store. Call it in one
     * transaction per store at a time, until none remain.
     *
     * @returns their ids
     */
    async removeSome(db: Db, storeId: number): Promise<string[]> {
      const deleted = await db.$queryRaw<{ id: string }[]>`
        WITH batch AS (SELECT id FROM users WHERE store_id = ${storeId} ORDER BY id LIMIT ${batch} FOR UPDATE),
          keys AS (DELETE FROM user_keys WHERE store_id = ${storeId} AND user_id IN (SELECT id FROM batch))
        DELETE FROM users WHERE store_id = ${storeId} AND id IN (SELECT id FROM batch) RETURNING id`
      return deleted.map(({ id }) => id)
    },
  }
}
