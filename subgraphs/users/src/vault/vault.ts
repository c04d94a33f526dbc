import { randomBytes } from 'node:crypto'
import { createBlindIndex } from './blind-index.ts'
import type { MasterKeys } from './master-keys.ts'
import { dataKeyAad, personAad, type Owner } from './aad.ts'
import { open, seal } from './envelope.ts'

export type { Owner } from './aad.ts'

/** A user's personal data. Null if not set. */
export interface Person {
  readonly email: string
  readonly username: string | null
  readonly firstName: string | null
  readonly lastName: string | null
  readonly phone: number | null
  /** The store's own id of the user. */
  readonly externalId: string | null
}

/** A user's data key as stored: wrapped, with the id of the master key that opens it. */
export interface WrappedDataKey {
  readonly key: Uint8Array
  readonly masterKeyId: string
}

export type Vault = ReturnType<typeof createVault>

/** Seals and opens personal data: each user has a data key of their own, wrapped by the master key. */
export function createVault({
  masterKeys,
  blindKey,
}: {
  readonly masterKeys: MasterKeys
  readonly blindKey: Uint8Array
}) {
  const sealWith = (dataKey: Uint8Array, owner: Owner, person: Person): Uint8Array<ArrayBuffer> =>
    seal(dataKey, Buffer.from(JSON.stringify(person)), personAad(owner))
  const dataKeyOf = (owner: Owner, { key, masterKeyId }: WrappedDataKey): Uint8Array =>
    masterKeys.unwrap(masterKeyId, key, dataKeyAad(owner))

  return {
    masterKeyId: masterKeys.id,
    blind: createBlindIndex(blindKey),

    /** Seals a new user's data with a new data key. */
    create(owner: Owner, person: Person): { sealed: Uint8Array<ArrayBuffer>; key: Uint8Array<ArrayBuffer> } {
      const dataKey = randomBytes(32)
      return {
        sealed: sealWith(dataKey, owner, person),
        key: masterKeys.wrap(dataKey, dataKeyAad(owner)),
      }
    },

    /** Seals changed data with the user's existing key. */
    reseal: (owner: Owner, wrappedKey: WrappedDataKey, person: Person): Uint8Array<ArrayBuffer> =>
      sealWith(dataKeyOf(owner, wrappedKey), owner, person),

    open(owner: Owner, wrappedKey: WrappedDataKey, sealed: Uint8Array): Person {
      const opened = open(dataKeyOf(owner, wrappedKey), sealed, personAad(owner))
      const person = JSON.parse(opened.toString()) as Omit<Person, 'externalId'>
      // Rows of versions without external ids have none.
      return { externalId: null, ...person }
    },
  }
}
