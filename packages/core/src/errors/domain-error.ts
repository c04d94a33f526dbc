import { catalogue, type ErrorCode } from './catalogue.ts'

export interface DomainErrorDetails {
  /** The member at fault, as the caller named it: `phone`, `data.price`. */
  readonly field?: string
  /** What the rule is and what to do, in place of the catalogue's sentence. Never holds a value that was sent. */
  readonly message?: string
  /** Seconds after which trying again makes sense. */
  readonly retryAfter?: number
  /** The limit that was exceeded. */
  readonly limit?: ExceededLimit
  readonly cause?: unknown
}

export interface ExceededLimit {
  readonly name: string
  readonly requested: number
  readonly maximum: number
}

/** What the domain throws. Translated at the edge, into GraphQL errors and problem documents. */
export class DomainError extends Error {
  readonly code: ErrorCode
  readonly field: string | undefined
  readonly retryAfter: number | undefined
  readonly limit: ExceededLimit | undefined

  constructor(code: ErrorCode, { field, message, retryAfter, limit, cause }: DomainErrorDetails = {}) {
    super(message ?? catalogue[code].message, { cause })
    this.name = 'DomainError'
    this.code = code
    this.field = field
    this.limit = limit
    this.retryAfter = retryAfter ?? (catalogue[code].status === 503 ? 1 : undefined)
  }

  get status(): number {
    return catalogue[this.code].status
  }
}

/** A value that breaks a rule: names the member and the rule. */
export const badInput = (field: string, rule: string): DomainError =>
  new DomainError('BAD_USER_INPUT', { field, message: `${field}: ${rule}` })
