import { openUsersDatabase, type UsersDatabase } from '@user-stats/prisma-users'
import { dataKeyAad, personAad, receiptKeyAad, wrappedKeyAad } from '../vault/aad.ts'
import { open } from '../vault/envelope.ts'
import type { MasterKeys } from '../vault/master-keys.ts'

export interface KeysVerification {
  readonly users: number
  /** Users whose personal data these master keys do not open. */
  readonly unreadableUsers: number
  /** Keys of the service that they do not open. */
  readonly unreadableKeys: number
}

/** Opens everything wrapped or sealed in a users database, and counts what cannot be opened. */
export async function verifyKeys(url: string, masterKeys: MasterKeys): Promise<KeysVerification> {
  const db = openUsersDatabase({ url, maxConnections: 1, statementTimeout: 600_000, name: 'user-stats keys' })
  try {
    return {
      ...(await verifyUsers(db, masterKeys)),
      unreadableKeys: await countUnreadableKeys(db, masterKeys),
    }
  } finally {
    await db.close()
  }
}

/** @returns whether the call succeeds */
function opens(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}

async function countUnreadableKeys({ prisma }: UsersDatabase, masterKeys: MasterKeys): Promise<number> {
  const wrapped = await prisma.wrappedKey.findMany()
  const receipts = await prisma.receiptKey.findMany()
  const all = [
    ...wrapped.map(({ purpose, key, masterKeyId }) => ({
      key,
      masterKeyId,
      aad: wrappedKeyAad(purpose),
    })),
    ...receipts.map(({ kid, privateKey: key, masterKeyId }) => ({
      key,
      masterKeyId,
      aad: receiptKeyAad(kid),
    })),
  ]
  return all.filter(({ key, masterKeyId, aad }) => !opens(() => masterKeys.unwrap(masterKeyId, key, aad)))
    .length
}

interface SealedUser {
  readonly storeId: number
  readonly id: string
  readonly sealed: Uint8Array
  readonly key: Uint8Array
  readonly masterKeyId: string
}

const batch = 1_000

async function verifyUsers({ pool }: UsersDatabase, masterKeys: MasterKeys) {
  let [users, unreadableUsers] = [0, 0]
  let after: Pick<SealedUser, 'storeId' | 'id'> = { storeId: 0, id: '00000000-0000-0000-0000-000000000000' }
  for (;;) {
    const { rows } = await pool.query<SealedUser>(
      `SELECT u.store_id AS "storeId", u.id, u.sealed, k.key, k.master_key_id AS "masterKeyId"
       FROM users u JOIN user_keys k ON k.store_id = u.store_id AND k.user_id = u.id
       WHERE (u.store_id, u.id) > ($1::int, $2::uuid) ORDER BY u.store_id, u.id LIMIT ${String(batch)}`,
      [after.storeId, after.id],
    )
    users += rows.length
    unreadableUsers += rows.filter(
      (user) =>
        !opens(() =>
          open(masterKeys.unwrap(user.masterKeyId, user.key, dataKeyAad(user)), user.sealed, personAad(user)),
        ),
    ).length
    const last = rows.at(-1)
    if (!last || rows.length < batch) return { users, unreadableUsers }
    after = last
  }
}
