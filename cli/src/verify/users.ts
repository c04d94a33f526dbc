import type { Queryable } from '../databases/queryable.ts'

/** Users and data keys that do not belong together. */
export interface UsersVerification {
  readonly users: number
  /** Their personal data is lost, or was left half erased. */
  readonly withoutKey: number
  readonly keysOfNobody: number
}

export async function verifyUsers(users: Queryable): Promise<UsersVerification> {
  const { rows } = await users.query<Record<keyof UsersVerification, string>>(
    `SELECT count(u.id) AS users, count(*) FILTER (WHERE k.user_id IS NULL) AS "withoutKey",
            count(*) FILTER (WHERE u.id IS NULL) AS "keysOfNobody"
     FROM users u FULL JOIN user_keys k ON k.store_id = u.store_id AND k.user_id = u.id`,
  )
  const [row] = rows
  return {
    users: Number(row?.users),
    withoutKey: Number(row?.withoutKey),
    keysOfNobody: Number(row?.keysOfNobody),
  }
}
