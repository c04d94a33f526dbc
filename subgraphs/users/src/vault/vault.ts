import { randomBytes } from 'node:crypto'
import { createBlindIndex } from './blind-index.ts'
import type { MasterKey } from './master-key.ts'
import { open, seal } from './seal.ts'

/** Whose personal data it is. */
export interface Owner {
  readonly storeId: number
  readonly id: string
}

/** A user's personal data. */
export interface Person {
  readonly email: string
  readonly username: string
  readonly firstName: string
  readonly lastName: string
  readonly phone: number
}

export type Vault = ReturnType<typeof createVault>

const placeOf = ({ storeId, id }: Owner): string => `${String(storeId)}/${id}`

/** Seals and opens personal data: each user has a data key of their own, wrapped by the master key. */
export function createVault({
  masterKey,
  blindKey,
}: {
  readonly masterKey: MasterKey
  readonly blindKey: Uint8Array
}) {
  const sealWith = (dataKey: Uint8Array, owner: Owner, person: Person): Uint8Array<ArrayBuffer> =>
    seal(dataKey, Buffer.from(JSON.stringify(person)), `user:${placeOf(owner)}`)
  const dataKeyOf = (owner: Owner, wrapped: Uint8Array): Uint8Array =>
    masterKey.unwrap(wrapped, `user-key:${placeOf(owner)}`)

  return {
    masterKeyId: masterKey.id,
    blind: createBlindIndex(blindKey),

    /** Seals a new user's data with a new data key. */
    create(owner: Owner, person: Person): { sealed: Uint8Array<ArrayBuffer>; key: Uint8Array<ArrayBuffer> } {
      const dataKey = randomBytes(32)
      return {
        sealed: sealWith(dataKey, owner, person),
        key: masterKey.wrap(dataKey, `user-key:${placeOf(owner)}`),
      }
    },

    /** Seals changed data with the key the user has. */
    reseal: (owner: Owner, wrappedKey: Uint8Array, person: Person): Uint8Array<ArrayBuffer> =>
      sealWith(dataKeyOf(owner, wrappedKey), owner, person),

    open: (owner: Owner, wrappedKey: Uint8Array, sealed: Uint8Array): Person =>
      JSON.parse(open(dataKeyOf(owner, wrappedKey), sealed, `user:${placeOf(owner)}`).toString()) as Person,
  }
}
