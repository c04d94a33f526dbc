import { createHash, randomUUID } from 'node:crypto'
import jwt from 'jsonwebtoken'
import type { ApiKey, PrismaClient, StoreState } from '@user-stats/prisma-users'
import {
  claimsOf,
  DomainError,
  tokenAlgorithm,
  tokenAudience,
  tokenIssuer,
  type SignedInCaller,
} from '@user-stats/core'
import type { SigningKeys } from './signing-keys.ts'

/** Only the hash of an API key is stored: 256 random bits need no slow hash. */
export const hashApiKey = (secret: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(createHash('sha256').update(secret).digest())

/** Lifetime in seconds of a token for another service of ours. */
const serviceLifetime = 60

const callerOf = ({ id, role, storeId, allowedOrigins, allowedTypes }: ApiKey): SignedInCaller => {
  switch (role) {
    case 'STORE':
      if (storeId === null) throw new Error('a store key without a store')
      return { role, keyId: id, storeId }
    case 'ANALYST':
      return { role, keyId: id, storeId: storeId ?? undefined }
    case 'WRITER':
      if (storeId === null) throw new Error('a publishable key without a store')
      return { role, keyId: id, storeId, origins: allowedOrigins, types: allowedTypes }
    case 'ADMIN':
      return { role, keyId: id }
  }
}

export type Tokens = ReturnType<typeof createTokens>

/** Issues access tokens. */
export function createTokens({
  prisma,
  keys,
  clock,
  lifetime,
}: {
  readonly prisma: PrismaClient
  readonly keys: SigningKeys
  readonly clock: () => Date
  /** Seconds. */
  readonly lifetime: number
}) {
  async function sign(
    caller: SignedInCaller,
    expiresIn: number,
    keyExpiresAt?: Date | null,
  ): Promise<string> {
    const { kid, privateKey } = await keys.signer()
    const iat = Math.floor(clock().getTime() / 1_000)
    return jwt.sign({ ...claimsOf(caller, keyExpiresAt), iat, jti: randomUUID() }, privateKey, {
      algorithm: tokenAlgorithm,
      keyid: kid,
      issuer: tokenIssuer,
      audience: tokenAudience,
      expiresIn,
    })
  }

  let service: { token: Promise<string>; until: number } | undefined

  return {
    /**
     * Exchanges an API key for an access token, which expires with the key at the latest.
     *
     * @throws INVALID_API_KEY, STORE_BLOCKED
     */
    async authenticate(apiKey: string): Promise<{ accessToken: string; expiresIn: number }> {
      const key = await prisma.apiKey.findUnique({ where: { hash: hashApiKey(apiKey) } })
      const rest = key?.expiresAt ? (key.expiresAt.getTime() - clock().getTime()) / 1_000 : lifetime
      if (key === null) throw new DomainError('INVALID_API_KEY')
      const known = { key: { keyId: key.id, storeId: key.storeId ?? undefined } }
      if (key.revokedAt !== null || rest <= 0) throw new DomainError('INVALID_API_KEY', known)
      if (key.storeId !== null && (await stateOf(prisma, key.storeId)) !== 'ACTIVE')
        throw new DomainError('STORE_BLOCKED', known)
      const expiresIn = Math.min(lifetime, Math.max(1, Math.floor(rest)))
      return { accessToken: await sign(callerOf(key), expiresIn, key.expiresAt), expiresIn }
    },

    /** A token that identifies this service to our other services. */
    serviceToken(): Promise<string> {
      const now = clock().getTime()
      if (service === undefined || now >= service.until) {
        const token = sign({ role: 'SERVICE', service: 'users' }, serviceLifetime)
        service = { token, until: now + (serviceLifetime - 20) * 1_000 }
        token.catch(() => {
          service = undefined
        })
      }
      return service.token
    },
  }
}

const stateOf = async (prisma: PrismaClient, id: number): Promise<StoreState | undefined> =>
  (await prisma.store.findUnique({ where: { id }, select: { state: true } }))?.state
