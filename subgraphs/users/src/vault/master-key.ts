import { createHash } from 'node:crypto'
import { open, seal } from './seal.ts'

const length = 32

/** Reads a master key: 32 bytes as base64, base64url or hex. Undefined when it is anything else. */
export function parseMasterKey(text: string): Uint8Array | undefined {
  if (/^[\da-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  if (!/^[\w+/-]{43}=?$/.test(text)) return undefined
  // Node reads both alphabets.
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === length ? bytes : undefined
}

export type MasterKey = ReturnType<typeof createMasterKey>

/** The key that wraps all others. It is nowhere in the database; its id is, to tell which one is needed. */
export function createMasterKey(key: Uint8Array) {
  return {
    id: createHash('sha256').update('id:').update(key).digest('hex').slice(0, 16),
    wrap: (plaintext: Uint8Array, aad: string) => seal(key, plaintext, aad),
    unwrap: (wrapped: Uint8Array, aad: string) => open(key, wrapped, aad),
  }
}
