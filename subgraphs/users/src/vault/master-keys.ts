import { createHash } from 'node:crypto'
import { open, seal } from './envelope.ts'

const length = 32

/** Reads a master key: 32 bytes as base64, base64url or hex. Undefined when it is anything else. */
export function parseMasterKey(text: string): Uint8Array | undefined {
  if (/^[\da-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  if (!/^[\w+/-]{43}=?$/.test(text)) return undefined
  // Node decodes both alphabets.
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === length ? bytes : undefined
}

/** The id of a master key, which does not reveal it: stored next to everything the key wraps. */
export const masterKeyId = (key: Uint8Array): string =>
  createHash('sha256').update('id:').update(key).digest('hex').slice(0, 16)

export type MasterKeys = ReturnType<typeof createMasterKeys>

/**
 * The key that wraps all others, and earlier ones that open what they have wrapped. None is in the database;
 * the id of the required key is stored next to every wrapped value.
 */
export function createMasterKeys(current: Uint8Array, ...earlier: readonly (Uint8Array | undefined)[]) {
  const id = masterKeyId(current)
  const given = [...earlier, current].filter((key) => key !== undefined)
  const keys = new Map(given.map((key) => [masterKeyId(key), key]))
  return {
    /** The id of the key that wraps. */
    id,
    /** The ids of all keys, the wrapping one first. */
    ids: [id, ...[...keys.keys()].filter((known) => known !== id)] as readonly string[],
    opens: (keyId: string): boolean => keys.has(keyId),
    wrap: (plaintext: Uint8Array, aad: string) => seal(current, plaintext, aad),
    /** @throws Error when it was wrapped by another key, or with other AAD */
    unwrap(keyId: string, wrapped: Uint8Array, aad: string): Buffer {
      const key = keys.get(keyId)
      if (key === undefined) throw new Error(`the master key with the id ${keyId} is required`)
      return open(key, wrapped, aad)
    },
  }
}
