import { catalogue, type ErrorCode } from './catalogue.ts'

/** A violated rule. */
export interface Fault {
  /** The member, as the caller named it: `phone`, `data.items[3].price`. */
  readonly field: string
  /** The member, the rule and how to correct it. Never contains the value that was sent. */
  readonly message: string
}

/** Maximum number of faults reported in one error. */
export const maxFaults = 20

export interface DomainErrorDetails {
  /** The invalid member, as the caller named it: `phone`, `data.price`. */
  readonly field?: string
  /**
   * The rule and how to correct the value, in place of the catalogue's message. Never contains the value
   * sent.
   */
  readonly message?: string
  /** Seconds to wait before a retry. */
  readonly retryAfter?: number
  /** The limit that was exceeded. */
  readonly limit?: ExceededLimit
  /** Each of several faults; `field` is the first one's, `message` holds them all. */
  readonly faults?: readonly Fault[]
  /** The API key involved, for the log; never part of an answer. */
  readonly key?: { readonly keyId: string; readonly storeId?: number | undefined }
  readonly cause?: unknown
}

export interface ExceededLimit {
  readonly name: string
  readonly requested: number
  readonly maximum: number
}

/** An error of the domain. Translated at the edge into GraphQL errors and problem documents. */
export class DomainError extends Error {
  readonly code: ErrorCode
  readonly field: string | undefined
  readonly retryAfter: number | undefined
  readonly limit: ExceededLimit | undefined
  readonly key: DomainErrorDetails['key']
  readonly #faults: readonly Fault[] | undefined

  constructor(
    code: ErrorCode,
    { field, message, retryAfter, limit, faults, key, cause }: DomainErrorDetails = {},
  ) {
    super(message ?? catalogue[code].message, { cause })
    this.name = 'DomainError'
    this.code = code
    this.field = field
    this.limit = limit
    this.key = key
    this.#faults = faults
    this.retryAfter = retryAfter ?? (catalogue[code].status === 503 ? 1 : undefined)
  }

  get status(): number {
    return catalogue[this.code].status
  }

  /** The violated rules, by member; empty when no member is at fault. */
  get faults(): readonly Fault[] {
    if (this.#faults !== undefined) return this.#faults
    return this.code === 'BAD_USER_INPUT' && this.field !== undefined
      ? [{ field: this.field, message: this.message }]
      : []
  }
}

export const toFault = (field: string, rule: string): Fault => ({ field, message: `${field}: ${rule}` })

/** An error about one member and the rule it violates. */
export const badInput = (field: string, rule: string): DomainError =>
  new DomainError('BAD_USER_INPUT', toFault(field, rule))

/** An error about several members. Reports the first 20. */
export function badInputs(all: readonly Fault[]): DomainError {
  const faults = all.slice(0, maxFaults)
  const [first] = faults
  return new DomainError('BAD_USER_INPUT', {
    ...(first && { field: first.field, message: faults.map(({ message }) => message).join('; ') }),
    faults,
  })
}

/** Runs all checks. @throws BAD_USER_INPUT with the faults of all of them; any other error at once */
export function requireAll(...checks: readonly (() => unknown)[]): void {
  const faults = checks.flatMap((check) => {
    try {
      check()
      return []
    } catch (error) {
      if (error instanceof DomainError && error.faults.length > 0) return error.faults
      throw error
    }
  })
  if (faults.length > 0) throw badInputs(faults)
}
