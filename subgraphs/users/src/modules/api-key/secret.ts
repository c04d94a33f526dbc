import { randomBytes } from 'node:crypto'
import { v7 as createId } from 'uuid'
import type { ApiKey, Role } from '@user-stats/prisma-users'
import { hashApiKey } from '../token/token.service.ts'

const letters = { STORE: 's', ANALYST: 'n', ADMIN: 'a', WRITER: 'w' } as const satisfies Record<Role, string>

/** Enough of a random key to recognise it, too little to guess the rest. */
const prefixLength = 11

export interface NewKey {
  readonly role: Role
  readonly storeId: number | null
  readonly name: string
  readonly createdAt: Date
  readonly expiresAt?: Date | null
  readonly allowedOrigins?: readonly string[]
  readonly allowedTypes?: readonly string[]
}

/** Data of a row of `api_keys`. */
export type KeyData = Omit<ApiKey, 'revokedAt'>

/** Creates a key: 256 random bits after a prefix with its role, `us_a_…`. Only the hash is stored. */
export function createKey({ expiresAt = null, allowedOrigins = [], allowedTypes = [], ...key }: NewKey): {
  secret: string
  data: KeyData
} {
  const secret = `us_${letters[key.role]}_${randomBytes(32).toString('base64url')}`
  const data = {
    id: createId(),
    ...key,
    expiresAt,
    allowedOrigins: [...allowedOrigins],
    allowedTypes: [...allowedTypes],
    prefix: secret.slice(0, prefixLength),
    hash: hashApiKey(secret),
  }
  return { secret, data }
}

/** Accepts a key chosen by the operator. */
export const adoptKey = (secret: string, createdAt: Date): KeyData => ({
  id: createId(),
  role: 'ADMIN',
  storeId: null,
  name: 'first admin key',
  // The rest may be all that makes a chosen key hard to guess.
  prefix: secret.slice(0, 4),
  hash: hashApiKey(secret),
  createdAt,
  expiresAt: null,
  allowedOrigins: [],
  allowedTypes: [],
})
