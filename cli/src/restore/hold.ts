import { existsSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DataDirInUseError, lockDataDir, type DataDirLock } from '@user-stats/postgres'
import { databaseNames } from '../databases/schemas.ts'
import type { Sites } from '../databases/site.ts'
import type { DatabaseTargets } from '../databases/urls.ts'
import type { Terminal } from '../terminal.ts'

export interface HoldOptions {
  readonly dataDir: string
  /** Whether whoever holds it is to be stopped. */
  readonly stop: boolean
  readonly terminal: Terminal
  readonly signal?: AbortSignal | undefined
  /** Milliseconds to wait for it to stop. */
  readonly maxWait?: number
}

export interface HoldSitesOptions extends HoldOptions {
  readonly databases: DatabaseTargets
  /** Gives everything up in the end. */
  readonly undo: AsyncDisposableStack
}

/**
 * Takes both databases for this process, so that nothing else uses or restores them.
 *
 * @throws Error naming what does
 */
export async function holdSites(
  sites: Sites,
  { databases, undo, ...options }: HoldSitesOptions,
): Promise<void> {
  const embedded = databaseNames.some((name) => databases[name] === undefined)
  // A system with databases of its own server has a data directory too, unless it runs elsewhere.
  if (embedded || existsSync(path.join(options.dataDir, 'lock'))) undo.use(await holdDataDir(options))
  for (const name of databaseNames) {
    undo.use(await sites[name].lock())
    await sites[name].requireIdle()
  }
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
  maxWait = 120_000,
}: HoldOptions): Promise<DataDirLock> {
  const deadline = Date.now() + maxWait
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
