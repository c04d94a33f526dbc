import type { Pool } from 'pg'
import { Prisma } from '@user-stats/prisma-users'
import type { Db } from '../../database/transaction.ts'
import type { Owner, Person, Vault, WrappedDataKey } from '../../vault/vault.ts'

/** A user as the graph shows them. */
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

export type UserRows = ReturnType<typeof createUserRows>

/** The tables of users and their data keys, always read together. */
export function createUserRows({ vault, pool }: { readonly vault: Vault; readonly pool: Pool }) {
  const open = ({ key, masterKeyId, sealed, ...row }: Row): UserRecord => ({
    ...row,
    ...vault.open(row, { key, masterKeyId }, sealed),
  })
  const all = async (db: Db, condition: Prisma.Sql): Promise<UserRecord[]> =>
    (await db.$queryRaw<Row[]>`${select} ${condition}`).map(open)
  const one = async (db: Db, condition: Prisma.Sql): Promise<UserRecord | undefined> =>
    (await all(db, condition))[0]

  return {
    /** @param storeId null: whatever the store */
    byId: (db: Db, storeId: number | null, id: string) =>
      one(
        db,
        storeId === null
          ? Prisma.sql`WHERE u.id = ${id}::uuid`
          : Prisma.sql`WHERE u.store_id = ${storeId} AND u.id = ${id}::uuid`,
      ),

    /** There is no more than one; LIMIT says so to the planner, which has no samples of this column to tell by. */
    byEmail: (db: Db, storeId: number, email: string) =>
      one(
        db,
        Prisma.sql`WHERE u.store_id = ${storeId} AND u.email_index = ${vault.blind.email(storeId, email)} LIMIT 1`,
      ),

    /** In no particular order; those there are. Lists of events ask for their users with it. */
    async byIds(owners: readonly Owner[]): Promise<UserRecord[]> {
      const { rows } = await pool.query<Row>({
        name: 'users-by-ids',
        text: byIdsText,
        values: [owners.map(({ storeId }) => storeId), owners.map(({ id }) => id)],
      })
      return rows.map(open)
    },

    page: (db: Db, storeId: number, after: string | null, limit: number) =>
      all(
        db,
        Prisma.sql`WHERE u.store_id = ${storeId} AND (${after}::uuid IS NULL OR u.id > ${after}::uuid)
          ORDER BY u.id LIMIT ${limit}`,
      ),

    /** Which store a user belongs to. */
    async storeOf(db: Db, storeId: number | null, id: string): Promise<number | undefined> {
      const user = await db.user.findFirst({
        where: { id, ...(storeId !== null && { storeId }) },
        select: { storeId: true },
      })
      return user?.storeId
    },

    async insert(db: Db, owner: Owner, person: Person, now: Date): Promise<void> {
      const { sealed, key } = vault.create(owner, person)
      await db.user.create({
        data: {
          ...owner,
          emailIndex: vault.blind.email(owner.storeId, person.email),
          usernameIndex: vault.blind.username(owner.storeId, person.username),
          sealed,
          createdAt: now,
          updatedAt: now,
        },
      })
      await db.userKey.create({
        data: {
          storeId: owner.storeId,
          userId: owner.id,
          key,
          masterKeyId: vault.masterKeyId,
          createdAt: now,
        },
      })
    },

    /** Changes a user; whoever changes the same one at the same time waits. Undefined when there is none. */
    async update(
      db: Db,
      { storeId, id }: Owner,
      changes: Partial<Person>,
      now: Date,
    ): Promise<UserRecord | undefined> {
      const [row] = await db.$queryRaw<Row[]>`
        ${select} WHERE u.store_id = ${storeId} AND u.id = ${id}::uuid FOR UPDATE OF u`
      if (row === undefined) return undefined
      const { email, username, firstName, lastName, phone } = { ...open(row), ...changes }
      const person = { email, username, firstName, lastName, phone }
      await db.user.update({
        where: { storeId_id: { storeId, id } },
        data: {
          emailIndex: vault.blind.email(storeId, email),
          usernameIndex: vault.blind.username(storeId, username),
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
     * Deletes some of a store's users, so that no transaction grows with the store. To be called by one transaction
     * per store at a time, until there are no more.
     *
     * @returns their ids
     */
    async removeSome(db: Db, storeId: number): Promise<string[]> {
      const gone = await db.$queryRaw<{ id: string }[]>`
        WITH gone AS (SELECT id FROM users WHERE store_id = ${storeId} ORDER BY id LIMIT ${batch} FOR UPDATE),
          keys AS (DELETE FROM user_keys WHERE store_id = ${storeId} AND user_id IN (SELECT id FROM gone))
        DELETE FROM users WHERE store_id = ${storeId} AND id IN (SELECT id FROM gone) RETURNING id`
      return gone.map(({ id }) => id)
    },
  }
}
