/** How many milliseconds whoever asks will still wait. */
export const timeoutHeader = 'x-timeout-ms'

/**
 * Milliseconds to spend on a request: what we allow, or less when the asker waits no longer.
 *
 * @param told the header as it was sent; nonsense counts as absent
 */
export function timeToSpend(own: number, told: string | readonly string[] | undefined): number {
  if (typeof told !== 'string' || !/^\d{1,9}$/.test(told)) return own
  return Math.min(own, Number(told))
}

/** Why a signal was aborted whose request took too long; any other reason is a client that went away. */
export const timeIsOver = new Error('the time of the request is over')
