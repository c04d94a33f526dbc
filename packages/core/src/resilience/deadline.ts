import { DomainError } from '../errors/domain-error.ts'

/** Header by which a service states how many milliseconds it waits for the response. */
export const timeoutHeader = 'x-timeout-ms'

/**
 * Milliseconds that a request may take: `own`, or the caller's timeout if it is shorter.
 *
 * @param requested the header as sent; ignored unless it is a number
 */
export function effectiveTimeout(own: number, requested: string | readonly string[] | undefined): number {
  if (typeof requested !== 'string' || !/^\d{1,9}$/.test(requested)) return own
  return Math.min(own, Number(requested))
}

/**
 * The abort reason of a request that exceeded its deadline; any other reason means that the client
 * disconnected.
 */
export const deadlineExceeded = new Error('the request took too long')

/**
 * @throws QUERY_TOO_EXPENSIVE when a request exceeded its deadline, SERVICE_UNAVAILABLE (never delivered)
 *   when its client disconnected
 */
export function refuseAborted(signal: AbortSignal | undefined, cause?: unknown): void {
  if (signal?.aborted !== true) return
  throw new DomainError(signal.reason === deadlineExceeded ? 'QUERY_TOO_EXPENSIVE' : 'SERVICE_UNAVAILABLE', {
    cause,
  })
}

/**
 * Waits for `work`, but only for so many milliseconds; the work continues after that.
 *
 * @throws what `late` returns when the time is up
 */
export async function withDeadline<T>(work: Promise<T>, milliseconds: number, late: () => Error): Promise<T> {
  const { promise: timeUp, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(late())
  }, milliseconds)
  try {
    return await Promise.race([work, timeUp])
  } finally {
    clearTimeout(timer)
  }
}
