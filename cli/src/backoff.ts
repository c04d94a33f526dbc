/** Delays between attempts, in milliseconds: 1 s, 2 s, 4 s … 30 s; reset after a minute without failures. */
export function createBackoff({ first = 1_000, longest = 30_000, calmAfter = 60_000, now = Date.now } = {}) {
  let failures = 0
  let failedAt = 0
  return {
    /** The delay after a failure. */
    next: (): number => {
      failures += 1
      failedAt = now()
      return Math.min(first * 2 ** (failures - 1), longest)
    },
    /** Reports success: resets the delay if the last failure is long past. */
    calm: (): void => {
      if (now() - failedAt > calmAfter) failures = 0
    },
  }
}
