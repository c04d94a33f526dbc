import { DatabaseError } from 'pg'

/** The SQLSTATE of an error, or nothing. */
export const stateOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''

/** A deadlock or a serialization failure: nothing was written, and trying again helps. */
export const isConflict = (error: unknown): boolean => stateOf(error).startsWith('40')

/** Somebody else held a lock for longer than was waited for it. */
export const isLockTimeout = (error: unknown): boolean => stateOf(error) === '55P03'

/** A row has no partition. */
export const isMissingPartition = (error: unknown): boolean =>
  error instanceof DatabaseError && error.code === '23514' && error.routine === 'ExecFindPartition'
