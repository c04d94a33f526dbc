import type { UsersDatabase } from '@user-stats/prisma-users'
import { inTransaction, lockTask, type Db } from '../database/transaction.ts'
import { connectedKeyIds } from './connected-key-ids.ts'
import type { MasterKeys } from './master-keys.ts'
import { dataKeyAad, receiptKeyAad, signingKeyAad, wrappedKeyAad } from './aad.ts'

export interface RewrapOptions {
  readonly db: UsersDatabase
  /** The new master key, which wraps, and the previous one, which still opens. */
  readonly masterKeys: MasterKeys
  /** Data keys per transaction. */
  readonly batch?: number
  /** Called after each batch with the number of wrapped data keys, and the total. */
  readonly progress?: (done: number, total: number) => void
  /** Aborts after the current batch; finished batches stay. */
  readonly signal?: AbortSignal
  /**
   * Records, in the transaction that begins it, how many keys will be wrapped again. Not called when there
   * are none.
   */
  readonly record?: (tx: Db, count: number) => Promise<void>
}

interface DataKey {
  readonly storeId: number
  readonly userId: string
  readonly key: Uint8Array
  readonly masterKeyId: string
}

/**
 * Wraps every key in the database again with the new master key: keys with a purpose of their own and signing
 * keys in one transaction, then users' data keys in batches. Each row names the key that wraps it, so that
 * services with both keys work meanwhile and a run after a crash continues. No personal data is touched.
 *
 * @returns the number of data keys wrapped by this run
 * @throws Error with a one-line message when a connected service does not wrap with the new key, or something
 *   is wrapped by an unknown key
 */
export async function rewrapAll({
  db,
  masterKeys,
  batch = 1_000,
  progress = () => undefined,
  signal,
  record,
}: RewrapOptions): Promise<number> {
  const total = await countRemaining(db, masterKeys)
  await inTransaction(db.prisma, async (tx) => {
    // Services take this lock while they start: later ones find the new key or exit.
    await lockTask(tx, 'firstStart')
    await requireNewKeyEverywhere(db, masterKeys)
    const count = total + (await rewrapBatch(tx, masterKeys))
    if (count > 0) await record?.(tx, count)
  })
  let done = 0
  let after: Pick<DataKey, 'storeId' | 'userId'> | undefined
  progress(done, total)
  for (;;) {
    signal?.throwIfAborted()
    const rows = await nextDataKeys(db, masterKeys, after, batch)
    if (rows.length === 0) break
    done += await rewrapDataKeys(db, masterKeys, rows)
    after = rows.at(-1)
    progress(Math.min(done, total), total)
  }
  const left = await countRemaining(db, masterKeys)
  if (left > 0)
    throw new Error(
      `${String(left)} users were registered under the old master key meanwhile: run this again`,
    )
  return done
}

async function requireNewKeyEverywhere(db: UsersDatabase, { id }: MasterKeys): Promise<void> {
  const others = [...(await connectedKeyIds(db.pool))].filter((key) => key !== id)
  if (others.length > 0)
    throw new Error(
      `a users service is connected that works with the master key ${others.join(', ')}, the new one is ${id}. ` +
        'Start it with MASTER_KEY set to the new key and MASTER_KEY_PREVIOUS to the old one, then run this again.',
    )
}

/** @returns the number of rows */
async function rewrapBatch(tx: Db, masterKeys: MasterKeys): Promise<number> {
  let count = 0
  const where = { masterKeyId: { not: masterKeys.id } }
  for (const { purpose, key, masterKeyId } of await tx.wrappedKey.findMany({ where })) {
    const place = wrappedKeyAad(purpose)
    const data = { key: rewrap(masterKeys, masterKeyId, key, place), masterKeyId: masterKeys.id }
    count += 1
    await tx.wrappedKey.update({ where: { purpose }, data })
  }
  for (const { kid, privateKey, masterKeyId } of await tx.signingKey.findMany({ where })) {
    const place = signingKeyAad(kid)
    const data = {
      privateKey: rewrap(masterKeys, masterKeyId, privateKey, place),
      masterKeyId: masterKeys.id,
    }
    count += 1
    await tx.signingKey.update({ where: { kid }, data })
  }
  for (const { kid, privateKey, masterKeyId } of await tx.receiptKey.findMany({ where })) {
    const place = receiptKeyAad(kid)
    const data = {
      privateKey: rewrap(masterKeys, masterKeyId, privateKey, place),
      masterKeyId: masterKeys.id,
    }
    count += 1
    await tx.receiptKey.update({ where: { kid }, data })
  }
  return count
}

const rewrap = (
  masterKeys: MasterKeys,
  masterKeyId: string,
  wrapped: Uint8Array,
  place: string,
): Uint8Array<ArrayBuffer> => masterKeys.wrap(masterKeys.unwrap(masterKeyId, wrapped, place), place)

async function countRemaining({ pool }: UsersDatabase, { id }: MasterKeys): Promise<number> {
  const { rows } = await pool.query<{ count: string }>(
    'SELECT count(*) FROM user_keys WHERE master_key_id <> $1',
    [id],
  )
  return Number(rows[0]?.count)
}

async function nextDataKeys(
  { pool }: UsersDatabase,
  { id }: MasterKeys,
  after: Pick<DataKey, 'storeId' | 'userId'> | undefined,
  limit: number,
): Promise<DataKey[]> {
  const { rows } = await pool.query<DataKey>(
    `SELECT store_id AS "storeId", user_id AS "userId", key, master_key_id AS "masterKeyId" FROM user_keys
     WHERE master_key_id <> $1 AND (store_id, user_id) > ($2::int, $3::uuid)
     ORDER BY store_id, user_id LIMIT $4`,
    [id, after?.storeId ?? 0, after?.userId ?? '00000000-0000-0000-0000-000000000000', limit],
  )
  return rows
}

/** A user erased in the meantime has no row and gets none. */
async function rewrapDataKeys(
  { prisma }: UsersDatabase,
  masterKeys: MasterKeys,
  rows: readonly DataKey[],
): Promise<number> {
  const keys = rows.map(({ storeId, userId, key, masterKeyId }) =>
    rewrap(masterKeys, masterKeyId, key, dataKeyAad({ storeId, id: userId })),
  )
  return await inTransaction(
    prisma,
    (tx) => tx.$executeRaw`
      UPDATE user_keys k SET key = w.key, master_key_id = ${masterKeys.id}
      FROM unnest(${rows.map(({ storeId }) => storeId)}::int[], ${rows.map(({ userId }) => userId)}::uuid[],
        ${keys}::bytea[]) AS w (store_id, user_id, key)
      WHERE k.store_id = w.store_id AND k.user_id = w.user_id AND k.master_key_id <> ${masterKeys.id}`,
  )
}
