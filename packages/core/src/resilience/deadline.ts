import { DomainError } from '../errors/domain-error.ts'

/** Header in which a service tells the one it calls how many milliseconds it will wait. */
export const timeoutHeader = 'x-timeout-ms'

/**
 * Milliseconds that a request may take: `own`, or less if the caller waits less.
 *
 * @param requested the header as sent; anything but a number counts as absent
 */
export function effectiveTimeout(own: number, requested: string | readonly string[] | undefined): number {
  if (typeof requested !== 'string' || !/^\d{1,9}$/.test(requested)) return own
  return Math.min(own, Number(requested))
}

/** The abort reason of a request that took too long; any other reason is a client that disconnected. */
export const deadlineExceeded = new Error('the request took too long')

/**
 * @throws QUERY_TOO_EXPENSIVE when a request took too long, SERVICE_UNAVAILABLE (nobody reads it) when its client
 *   disconnected
 */
export function refuseAborted(signal: AbortSignal | undefined, cause?: unknown): void {
  if (signal?.aborted !== true) return
  throw new DomainError(signal.reason === deadlineExceeded ? 'QUERY_TOO_EXPENSIVE' : 'SERVICE_UNAVAILABLE', {
    cause,
  })
}
