import { setTimeout as delay } from 'node:timers/promises'
import { DataDirInUseError, lockDataDir, type DataDirLock } from '@user-stats/postgres'
import type { Terminal } from '../terminal.ts'

export interface HoldOptions {
  readonly dataDir: string
  /** Whether whoever holds it is to be stopped. */
  readonly stop: boolean
  readonly terminal: Terminal
  readonly signal?: AbortSignal | undefined
  /** Milliseconds to wait for it to stop. */
  readonly patience?: number
}

/**
 * Takes the data directory, so that nothing runs on it meanwhile.
 *
 * @throws Error when the stack runs on it and is not to be stopped, or does not stop
 */
export async function holdDataDir({
  dataDir,
  stop,
  terminal,
  signal,
  patience = 120_000,
}: HoldOptions): Promise<DataDirLock> {
  const deadline = Date.now() + patience
  let asked: number | undefined
  for (;;) {
    signal?.throwIfAborted()
    try {
      return await lockDataDir(dataDir)
    } catch (error) {
      if (!(error instanceof DataDirInUseError)) throw error
      const { pid } = error
      const who = pid === undefined ? '' : ` (process ${String(pid)})`
      if (!stop)
        throw new Error(`the stack runs on ${dataDir}${who}. Stop it, or ask for that with --stop.`, {
          cause: error,
        })
      if (asked !== undefined && pid !== undefined && pid !== asked)
        throw new Error(
          `${dataDir} was taken again${who} after it was stopped: whatever starts it must wait.`,
          { cause: error },
        )
      if (Date.now() > deadline)
        throw new Error(`the stack on ${dataDir}${who} did not stop.`, { cause: error })
      if (asked === undefined && pid !== undefined) {
        terminal.line('stopping', `the stack on ${dataDir}${who}`)
        process.kill(pid, 'SIGTERM')
        asked = pid
      }
      await delay(100)
    }
  }
}
