import { createHmac, hkdfSync } from 'node:crypto'

/** How e-mail addresses and usernames are compared. */
export const normalise = (value: string): string => value.trim().normalize('NFC').toLowerCase()

export type BlindIndex = ReturnType<typeof createBlindIndex>

/**
 * Keyed hashes to look values up by that are stored sealed. Keys differ by store and purpose, so that hashes cannot
 * be compared across either.
 */
export function createBlindIndex(key: Uint8Array) {
  const indexFor =
    (
      purpose: 'email' | 'username' | 'external-id' | 'visitor',
      normalised: (value: string) => string = normalise,
    ) =>
    (storeId: number, value: string): Uint8Array<ArrayBuffer> => {
      const derived = hkdfSync('sha256', key, '', `store:${String(storeId)}:${purpose}`, 32)
      return Uint8Array.from(createHmac('sha256', Buffer.from(derived)).update(normalised(value)).digest())
    }
  return {
    email: indexFor('email'),
    username: indexFor('username'),
    /** Two that differ by anything are two. */
    externalId: indexFor('external-id', (value) => value),
    /** Of what a store calls a visitor: two that differ by anything are two visitors. */
    visitor: indexFor('visitor', (value) => value),
  }
}
