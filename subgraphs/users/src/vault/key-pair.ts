import { createHash, generateKeyPair, type KeyPairKeyObjectResult } from 'node:crypto'
import { promisify } from 'node:util'
import type { MasterKeys } from './master-keys.ts'

export const generateKeyPairAsync = promisify(generateKeyPair)

/**
 * A stored key pair: named after its public key, with the private key wrapped.
 *
 * @param placeOf the additional authenticated data for a name
 */
export function wrapKeyPair(
  { publicKey, privateKey }: KeyPairKeyObjectResult,
  masterKeys: MasterKeys,
  placeOf: (kid: string) => string,
) {
  const der = publicKey.export({ type: 'spki', format: 'der' })
  const kid = createHash('sha256').update(der).digest('base64url').slice(0, 22)
  return {
    kid,
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: masterKeys.wrap(privateKey.export({ type: 'pkcs8', format: 'der' }), placeOf(kid)),
    masterKeyId: masterKeys.id,
  }
}
