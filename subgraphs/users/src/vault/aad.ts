/** The owner of personal data. */
export interface Owner {
  readonly storeId: number
  readonly id: string
}

// Additional authenticated data: binds a wrapped or sealed value to its row. These formats must never change.

const aadOf = ({ storeId, id }: Owner): string => `${String(storeId)}/${id}`

export const personAad = (owner: Owner): string => `user:${aadOf(owner)}`
export const dataKeyAad = (owner: Owner): string => `user-key:${aadOf(owner)}`
export const signingKeyAad = (kid: string): string => `signing-key:${kid}`
export const wrappedKeyAad = (purpose: string): string => `wrapped-key:${purpose}`
export const receiptKeyAad = (kid: string): string => `receipt-key:${kid}`
