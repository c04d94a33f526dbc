import type { KeyObject } from 'node:crypto'
import jwt from 'jsonwebtoken'
import { LRUCache } from 'lru-cache'
import { z } from 'zod'
import { DomainError } from '../errors/domain-error.ts'
import { anonymous, type Caller, type SignedInCaller } from './caller.ts'
import { readHeader } from './compact.ts'

/** The audience of every access token. */
export const tokenAudience = 'user-statistics'
export const tokenIssuer = 'user-statistics/users'
export const tokenAlgorithm = 'RS256'
const tokenType = 'JWT'

/** The source of public keys: the users database, or the published key set. */
export interface KeySource {
  /**
   * @returns undefined when no such key exists
   * @throws SERVICE_UNAVAILABLE when the keys cannot be fetched
   */
  readonly find: (kid: string) => Promise<KeyObject | undefined>
}

const id = z.string().min(1).max(64)
const storeId = z.int32().min(1)
const times = { exp: z.number(), key_exp: z.number().optional() }
const claims = z.discriminatedUnion('role', [
  z.object({ role: z.literal('STORE'), sub: id, store_id: storeId, ...times }),
  z.object({ role: z.literal('ANALYST'), sub: id, store_id: storeId.optional(), ...times }),
  z.object({ role: z.literal('ADMIN'), sub: id, store_id: z.undefined().optional(), ...times }),
  z.object({
    role: z.literal('WRITER'),
    sub: id,
    store_id: storeId,
    origins: z.array(z.string()),
    types: z.array(z.string()),
    ...times,
  }),
  z.object({ role: z.literal('SERVICE'), sub: id, store_id: z.undefined().optional(), ...times }),
])
type Claims = z.infer<typeof claims>

function toCaller(token: Claims): SignedInCaller {
  switch (token.role) {
    case 'STORE':
      return { role: 'STORE', keyId: token.sub, storeId: token.store_id }
    case 'ANALYST':
      return { role: 'ANALYST', keyId: token.sub, storeId: token.store_id }
    case 'ADMIN':
      return { role: 'ADMIN', keyId: token.sub }
    case 'WRITER':
      return {
        role: 'WRITER',
        keyId: token.sub,
        storeId: token.store_id,
        origins: token.origins,
        types: token.types,
      }
    case 'SERVICE':
      return { role: 'SERVICE', service: token.sub }
  }
}

function expired(payload: unknown): DomainError {
  const { data } = claims.safeParse(payload)
  return new DomainError('TOKEN_EXPIRED', data && { key: { keyId: data.sub, storeId: data.store_id } })
}

interface CallerClaims {
  readonly sub: string
  readonly role: string
  readonly store_id?: number
  readonly origins?: readonly string[]
  readonly types?: readonly string[]
  /** When the API key expires, in seconds since the epoch with decimals. */
  readonly key_exp?: number
}

/** The claims of a caller's token, as signed by the users service. */
export const claimsOf = (caller: SignedInCaller, keyExpiresAt?: Date | null): CallerClaims => ({
  sub: caller.role === 'SERVICE' ? caller.service : caller.keyId,
  role: caller.role,
  ...('storeId' in caller && caller.storeId !== undefined && { store_id: caller.storeId }),
  ...(caller.role === 'WRITER' && { origins: caller.origins, types: caller.types }),
  ...(keyExpiresAt != null && { key_exp: keyExpiresAt.getTime() / 1_000 }),
})

const noToken =
  'This is not an access token. Exchange an API key for one first: POST /api/auth on the gateway with ' +
  '{"api_key": "<key>"}, or the mutation authenticate. Then send Authorization: Bearer <token>.'

export interface TokenVerifierOptions {
  readonly keys: KeySource
  /** Milliseconds since the epoch. */
  readonly clock?: () => number
  /**
   * Tolerated clock difference in seconds. Applies to the token's own times, not to the expiry of its API
   * key.
   */
  readonly skew?: number
  /** Maximum number of cached verified tokens. */
  readonly cacheSize?: number
}

export type TokenVerifier = ReturnType<typeof createTokenVerifier>

/**
 * Verifies access tokens with public keys only. Verified tokens are cached until they expire: checking a
 * signature costs far more than the rest of a small request.
 */
export function createTokenVerifier({
  keys,
  clock = Date.now,
  skew = 5,
  cacheSize = 20_000,
}: TokenVerifierOptions) {
  const verified = new LRUCache<string, { caller: SignedInCaller; expires: number }>({ max: cacheSize })

  async function verify(token: string): Promise<SignedInCaller> {
    const now = clock()
    const known = verified.get(token)
    if (known !== undefined && now < known.expires) return known.caller
    if (known !== undefined) verified.delete(token)
    // Our tokens have some 600 characters.
    if (token.length > 4_096) throw new DomainError('TOKEN_INVALID')

    const header = readHeader(token)
    // Other things we sign (receipts of erasures) have another type and are not access tokens.
    if (header?.alg !== tokenAlgorithm || header.typ !== tokenType || header.kid.length > 64)
      throw new DomainError('TOKEN_INVALID')
    const key = await keys.find(header.kid)
    if (key === undefined) throw new DomainError('TOKEN_INVALID')
    const parsed = claims.safeParse(check(token, key, now))
    if (!parsed.success) throw new DomainError('TOKEN_INVALID')
    const { exp, key_exp: keyExpires = Infinity } = parsed.data
    const expires = Math.min(exp + skew, keyExpires) * 1_000
    if (now >= expires) throw expired(parsed.data)
    const caller = toCaller(parsed.data)
    verified.set(token, { caller, expires })
    return caller
  }

  function check(token: string, key: KeyObject, now: number): unknown {
    try {
      return jwt.verify(token, key, {
        algorithms: [tokenAlgorithm],
        issuer: tokenIssuer,
        audience: tokenAudience,
        clockTimestamp: Math.floor(now / 1_000),
        clockTolerance: skew,
      })
    } catch (error) {
      // Verify the signature before the expiry: TOKEN_EXPIRED is only reported for tokens that we signed.
      if (error instanceof jwt.TokenExpiredError) throw expired(jwt.decode(token))
      throw new DomainError('TOKEN_INVALID')
    }
  }

  return {
    verify,
    /**
     * Identifies the caller by the Authorization header; anonymous without one.
     *
     * @throws TOKEN_INVALID, TOKEN_EXPIRED, SERVICE_UNAVAILABLE
     */
    identify: async (authorization: string | undefined): Promise<Caller> => {
      if (authorization === undefined) return anonymous
      // Every token contains dots, and no API key does.
      if (!authorization.includes('.')) throw new DomainError('TOKEN_INVALID', { message: noToken })
      const token = /^Bearer +([\w.~+/=-]+) *$/i.exec(authorization)?.[1]
      if (token === undefined) throw new DomainError('TOKEN_INVALID')
      return await verify(token)
    },
  }
}
