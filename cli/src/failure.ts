import { startFailures } from '@user-stats/config'

/** What went wrong, a line each in the operator's terms; nothing when the operator gave the command up. */
export function failureLines(error: unknown): string[] {
  // Stopping what had been started failed as well: first things first.
  if (error instanceof SuppressedError) return [error.suppressed, error.error].flatMap(failureLines)
  if (error instanceof Error && error.name === 'AbortError') return []
  return [...startFailures(error)]
}

/** The command line is wrong in a way that only the command knows: exit status 2. */
export class UsageError extends Error {}
