import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'

const algorithm = 'aes-256-gcm'
/** First byte of every envelope, so that a later format can be recognised. */
const version = 1
const ivLength = 12
const tagLength = 16
// Create key objects first: Node takes three times as long with bytes.

/**
 * Seals bytes with AES-256-GCM: version, nonce, ciphertext, tag (NIST SP 800-38D).
 *
 * @param key 32 bytes
 * @param aad additional authenticated data: the envelope cannot be opened with any other
 */
export function seal(key: Uint8Array, plaintext: Uint8Array, aad: string): Uint8Array<ArrayBuffer> {
  const iv = randomBytes(ivLength)
  const cipher = createCipheriv(algorithm, createSecretKey(key), iv, { authTagLength: tagLength })
  cipher.setAAD(Buffer.from(aad))
  return Uint8Array.from(
    Buffer.concat([
      Uint8Array.of(version),
      iv,
      cipher.update(plaintext),
      cipher.final(),
      cipher.getAuthTag(),
    ]),
  )
}

/** @throws Error when key or AAD differ from those it was sealed with, or the envelope was changed */
export function open(key: Uint8Array, envelope: Uint8Array, aad: string): Buffer {
  if (envelope[0] !== version || envelope.length < 1 + ivLength + tagLength)
    throw new Error('not a sealed envelope')
  const decipher = createDecipheriv(algorithm, createSecretKey(key), envelope.subarray(1, 1 + ivLength), {
    authTagLength: tagLength,
  })
  decipher.setAAD(Buffer.from(aad))
  decipher.setAuthTag(envelope.subarray(-tagLength))
  return Buffer.concat([decipher.update(envelope.subarray(1 + ivLength, -tagLength)), decipher.final()])
}
