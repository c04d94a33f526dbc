import type { RawEnv } from '@user-stats/config'
import type { Terminal } from './terminal.ts'

/** The context passed to every command, in addition to its options. Commands return their exit status. */
export interface CommandContext {
  readonly env: RawEnv
  readonly terminal: Terminal
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP: the command undoes partial work and rejects. */
  readonly signal?: AbortSignal
  /** Aborted by the second signal: requests in flight are no longer awaited. */
  readonly hurry?: AbortSignal
  readonly clock?: () => Date
}
