import type { Queryable } from '../databases/queryable.ts'

/** Users without data keys, and data keys without users. */
export interface UsersVerification {
  readonly users: number
  /** Their personal data is lost, or their erasure is incomplete. */
  readonly withoutKey: number
  readonly orphanedKeys: number
}

export async function verifyUsers(users: Queryable): Promise<UsersVerification> {
  const { rows } = await users.query<Record<keyof UsersVerification, string>>(
    `SELECT count(u.id) AS users, count(*) FILTER (WHERE k.user_id IS NULL) AS "withoutKey",
            count(*) FILTER (WHERE u.id IS NULL) AS "orphanedKeys"
     FROM users u FULL JOIN user_keys k ON k.store_id = u.store_id AND k.user_id = u.id`,
  )
  const [row] = rows
  return {
    users: Number(row?.users),
    withoutKey: Number(row?.withoutKey),
    orphanedKeys: Number(row?.orphanedKeys),
  }
}
