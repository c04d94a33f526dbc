import jwt from 'jsonwebtoken'
import type { BlindIndex } from '../../vault/blind-index.ts'
import type { ErasureRecord } from './erasure.types.ts'
import { receiptAlgorithm, type ReceiptKeys } from './receipt-keys.ts'

export const receiptType = 'erasure-receipt+jws'
/** Differs from the issuer of access tokens. */
export const receiptIssuer = 'user-statistics/erasure'

/** The claims of a receipt. `jti` is the erasure's id, `iat` its end (seconds since the epoch). */
export interface ReceiptClaims {
  readonly iss: string
  readonly jti: string
  readonly iat: number
  readonly store_id: number
  readonly subject:
    | { readonly kind: 'USER'; readonly id: string }
    /**
     * HMAC-SHA-256 of the store's id for the visitor, base64url: that id may be personal, and the key is
     * ours.
     */
    | { readonly kind: 'VISITOR'; readonly hmac: string }
    | { readonly kind: 'STORE' }
  readonly events: string
  /** RFC 3339. */
  readonly requested_at: string
  readonly finished_at: string
  readonly erased: readonly { readonly database: string; readonly table: string; readonly rows: number }[]
  /** Events anonymised. */
  readonly events_anonymised: number
}

export type FinishedErasure = Pick<
  ErasureRecord,
  'storeId' | 'id' | 'subject' | 'subjectId' | 'events' | 'requestedAt' | 'erasedRows'
> & { readonly eventsAnonymised: number | bigint; readonly finishedAt: Date }

export type Receipts = ReturnType<typeof createReceipts>

/** Creates receipts of erasures. They contain no personal data. */
export function createReceipts({
  keys,
  blind,
}: {
  readonly keys: ReceiptKeys
  readonly blind: Pick<BlindIndex, 'visitor'>
}) {
  const subjectOf = ({ subject, storeId, subjectId }: FinishedErasure): ReceiptClaims['subject'] => {
    switch (subject) {
      case 'USER':
        return { kind: subject, id: subjectId }
      case 'VISITOR':
        return { kind: subject, hmac: Buffer.from(blind.visitor(storeId, subjectId)).toString('base64url') }
      case 'STORE':
        return { kind: subject }
    }
  }

  const claimsOf = (erasure: FinishedErasure): ReceiptClaims => ({
    iss: receiptIssuer,
    jti: erasure.id,
    iat: Math.floor(erasure.finishedAt.getTime() / 1_000),
    store_id: erasure.storeId,
    subject: subjectOf(erasure),
    events: erasure.events,
    requested_at: erasure.requestedAt.toISOString(),
    finished_at: erasure.finishedAt.toISOString(),
    erased: (['users', 'events'] as const).flatMap((database) =>
      Object.entries(erasure.erasedRows[database] ?? {})
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([table, rows]) => ({ database, table, rows })),
    ),
    events_anonymised: Number(erasure.eventsAnonymised),
  })

  return {
    /** @returns a synchronous signing function */
    async signer(): Promise<(erasure: FinishedErasure) => string> {
      const { kid, privateKey } = await keys.signer()
      return (erasure) =>
        jwt.sign(claimsOf(erasure), privateKey, {
          algorithm: receiptAlgorithm,
          header: { alg: receiptAlgorithm, typ: receiptType, kid },
        })
    },
  }
}
