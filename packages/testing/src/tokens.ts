import { generateKeyPairSync, randomUUID } from 'node:crypto'
import jwt from 'jsonwebtoken'
import type { SignedInCaller } from '@user-stats/core'
import { claimsOf, tokenAlgorithm, tokenAudience, tokenIssuer, type KeySource } from '@user-stats/core'

/** Signs tokens as the users service does, for tests of services that only verify them. */
export function createTestIssuer() {
  const kid = randomUUID()
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    kid,
    publicKey,
    privateKey,
    keys: { find: (wanted) => Promise.resolve(wanted === kid ? publicKey : undefined) } satisfies KeySource,
    /** The key set, as `GET /.well-known/jwks.json` answers it. */
    jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: tokenAlgorithm }] },
    tokenFor: (caller: SignedInCaller, expiresIn = 3_600): string =>
      jwt.sign({ ...claimsOf(caller), jti: randomUUID() }, privateKey, {
        algorithm: tokenAlgorithm,
        keyid: kid,
        issuer: tokenIssuer,
        audience: tokenAudience,
        expiresIn,
      }),
  }
}
