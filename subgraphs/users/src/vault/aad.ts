/** Whose personal data it is. */
export interface Owner {
  readonly storeId: number
  readonly id: string
}

// Where something wrapped or sealed belongs. It cannot be opened anywhere else, so these never change.

const placeOf = ({ storeId, id }: Owner): string => `${String(storeId)}/${id}`

export const placeOfPerson = (owner: Owner): string => `user:${placeOf(owner)}`
export const placeOfDataKey = (owner: Owner): string => `user-key:${placeOf(owner)}`
export const placeOfSigningKey = (kid: string): string => `signing-key:${kid}`
export const placeOfWrappedKey = (purpose: string): string => `wrapped-key:${purpose}`
export const placeOfReceiptKey = (kid: string): string => `receipt-key:${kid}`
