import { DomainError } from './domain-error.ts'

const unreachable = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  // Prisma: cannot reach, timed out, closed the connection, no free connection in the pool.
  'P1001',
  'P1002',
  'P1008',
  'P1017',
  'P2024',
  // Prisma: a transaction could not start in time, timed out, or was rolled back by repeated write conflicts.
  'P2028',
  'P2034',
])
// PostgreSQL classes: connection exception, transaction rollback (conflict), insufficient resources, operator
// intervention and statement timeout, read-only transaction, lock timeout.
const unavailableState = /^(08|40|53|57)|^25006$|^55P03$/
const unavailableMessage =
  /connection terminated|timeout exceeded when trying to connect|server has closed the connection|can't reach database|query read timeout/i

const causes = function* (error: unknown): Generator<Record<string, unknown>> {
  let at: unknown = error
  for (let depth = 0; depth < 6 && typeof at === 'object' && at !== null; depth += 1) {
    const error = at as { meta?: { driverAdapterError?: unknown }; cause?: unknown }
    yield at as Record<string, unknown>
    // Prisma keeps the driver's error as a property.
    at = error.meta?.driverAdapterError ?? error.cause
  }
}

/**
 * Whether an error of `pg` or Prisma means that the database is unreachable or overloaded, rather than a bug.
 */
export const isDatabaseUnavailable = (error: unknown): boolean =>
  causes(error).some(
    ({ code, originalCode, message }) =>
      [code, originalCode].some(
        (known) => typeof known === 'string' && (unreachable.has(known) || unavailableState.test(known)),
      ) ||
      (typeof message === 'string' && unavailableMessage.test(message)),
  )

/**
 * Translates any error into a public one. Errors that are neither DomainErrors nor known outages become
 * INTERNAL_SERVER_ERROR with the original as their cause, for the log.
 */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error
  if (isDatabaseUnavailable(error)) return new DomainError('DATABASE_UNAVAILABLE', { cause: error })
  return new DomainError('INTERNAL_SERVER_ERROR', { cause: error })
}
