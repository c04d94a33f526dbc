import { startFailures } from '@user-stats/config'

/** The reasons of a failure, one line each; none when the operator interrupted the command. */
export function failureLines(error: unknown): string[] {
  // Clean-up failed as well: report the first error first.
  if (error instanceof SuppressedError) return [error.suppressed, error.error].flatMap(failureLines)
  if (error instanceof Error && error.name === 'AbortError') return []
  return [...startFailures(error)]
}

/** Misuse that only the command can detect: exit status 2. */
export class UsageError extends Error {}
