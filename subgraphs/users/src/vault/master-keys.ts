import { createHash } from 'node:crypto'
import { open, seal } from './envelope.ts'

const length = 32

/** Reads a master key: 32 bytes as base64, base64url or hex. Undefined when it is anything else. */
export function parseMasterKey(text: string): Uint8Array | undefined {
  if (/^[\da-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  if (!/^[\w+/-]{43}=?$/.test(text)) return undefined
  // Node reads both alphabets.
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === length ? bytes : undefined
}

/** Tells which master key it takes, without telling the key: it is kept beside everything that one wraps. */
export const masterKeyId = (key: Uint8Array): string =>
  createHash('sha256').update('id:').update(key).digest('hex').slice(0, 16)

export type MasterKeys = ReturnType<typeof createMasterKeys>

/**
 * The key that wraps all others, and earlier ones that open what they have wrapped. None is in the database; the id of
 * the one that is needed stands beside everything wrapped.
 */
export function createMasterKeys(current: Uint8Array, ...earlier: readonly (Uint8Array | undefined)[]) {
  const id = masterKeyId(current)
  const given = [...earlier, current].filter((key) => key !== undefined)
  const keys = new Map(given.map((key) => [masterKeyId(key), key]))
  return {
    /** Of the key that wraps. */
    id,
    /** Of all that open, the one that wraps first. */
    ids: [id, ...[...keys.keys()].filter((known) => known !== id)] as readonly string[],
    opens: (keyId: string): boolean => keys.has(keyId),
    wrap: (plaintext: Uint8Array, aad: string) => seal(current, plaintext, aad),
    /** @throws Error when it was wrapped by another key, or for another place */
    unwrap(keyId: string, wrapped: Uint8Array, aad: string): Buffer {
      const key = keys.get(keyId)
      if (key === undefined) throw new Error(`the master key with the id ${keyId} is needed`)
      return open(key, wrapped, aad)
    },
  }
}
