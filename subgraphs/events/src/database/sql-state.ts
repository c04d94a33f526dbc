import { DatabaseError } from 'pg'

interface CodedError {
  readonly code?: unknown
  /** Prisma keeps PostgreSQL's code beside its own. */
  readonly meta?: { readonly driverAdapterError?: { readonly cause?: { readonly originalCode?: unknown } } }
}

/** The SQLSTATE of an error of `pg` or Prisma, or nothing. */
export function stateOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const { code, meta } = error as CodedError
  const state = meta?.driverAdapterError?.cause?.originalCode ?? code
  return typeof state === 'string' ? state : ''
}

/** A deadlock or a serialization failure: nothing was written, and trying again helps. */
export const isConflict = (error: unknown): boolean => stateOf(error).startsWith('40')

/** Somebody else held a lock for longer than was waited for it. */
export const isLockTimeout = (error: unknown): boolean => stateOf(error) === '55P03'

/** A statement took longer than it may, or was cancelled. */
export const isStatementTimeout = (error: unknown): boolean => stateOf(error) === '57014'

/** A row has no partition. */
export const isMissingPartition = (error: unknown): boolean =>
  error instanceof DatabaseError && error.code === '23514' && error.routine === 'ExecFindPartition'
