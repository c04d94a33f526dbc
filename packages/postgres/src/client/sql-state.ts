import { DatabaseError } from 'pg'

interface CodedError {
  readonly code?: unknown
  /** Prisma wraps PostgreSQL's code. */
  readonly meta?: { readonly driverAdapterError?: { readonly cause?: { readonly originalCode?: unknown } } }
}

/** The SQLSTATE of an error of `pg` or Prisma, or nothing. */
export function stateOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const { code, meta } = error as CodedError
  const state = meta?.driverAdapterError?.cause?.originalCode ?? code
  return typeof state === 'string' ? state : ''
}

/** A deadlock or a serialization failure: nothing was written, and a retry may succeed. */
export const isConflict = (error: unknown): boolean => stateOf(error).startsWith('40')

/** A lock timeout: another session held a lock for too long. */
export const isLockTimeout = (error: unknown): boolean => stateOf(error) === '55P03'

/** A statement timed out or was cancelled. */
export const isStatementTimeout = (error: unknown): boolean => stateOf(error) === '57014'

/** A row has no partition. */
export const isMissingPartition = (error: unknown): boolean =>
  error instanceof DatabaseError && error.code === '23514' && error.routine === 'ExecFindPartition'
