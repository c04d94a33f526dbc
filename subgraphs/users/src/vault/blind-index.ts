import { createHmac, hkdfSync } from 'node:crypto'

/** How e-mail addresses and usernames are compared. */
export const normalise = (value: string): string => value.trim().normalize('NFC').toLowerCase()

/**
 * Keyed hashes to look values up by that are stored sealed. Keys differ by store and purpose, so that hashes cannot
 * be compared across either.
 */
export function createBlindIndex(key: Uint8Array) {
  const indexFor =
    (purpose: 'email' | 'username') =>
    (storeId: number, value: string): Uint8Array<ArrayBuffer> => {
      const derived = hkdfSync('sha256', key, '', `store:${String(storeId)}:${purpose}`, 32)
      return Uint8Array.from(createHmac('sha256', Buffer.from(derived)).update(normalise(value)).digest())
    }
  return { email: indexFor('email'), username: indexFor('username') }
}
