import { createHmac, hkdfSync } from 'node:crypto'

/** How e-mail addresses and usernames are compared. */
export const normalise = (value: string): string => value.trim().normalize('NFC').toLowerCase()

export type BlindIndex = ReturnType<typeof createBlindIndex>

/**
 * Keyed hashes to look up sealed values. Keys differ by store and purpose, so that hashes cannot be compared
 * across either.
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
    /** Compared exactly. */
    externalId: indexFor('external-id', (value) => value),
    /** For the store's ids of visitors, compared exactly. */
    visitor: indexFor('visitor', (value) => value),
  }
}
