import type { RawEnv } from '@user-stats/config'
import type { Terminal } from './terminal.ts'

/** What every command is given beside its own options. Commands return their exit status, see docs/operate.md. */
export interface CommandContext {
  readonly env: RawEnv
  readonly terminal: Terminal
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP: the command undoes what is half done and rejects. */
  readonly signal?: AbortSignal
  /** Aborted by the second one: requests in flight are not waited for any longer. */
  readonly hurry?: AbortSignal
  readonly clock?: () => Date
}
