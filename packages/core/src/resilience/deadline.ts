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
