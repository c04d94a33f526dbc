import { existsSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DataDirInUseError, lockDataDir, type DataDirLock } from '@user-stats/postgres'
import { databaseNames } from '../databases/schemas.ts'
import type { Sites } from '../databases/site.ts'
import type { DatabaseTargets } from '../databases/urls.ts'
import type { Terminal } from '../terminal.ts'

export interface LockOptions {
  readonly dataDir: string
  /** Whether to stop the process that holds it. */
  readonly stop: boolean
  readonly terminal: Terminal
  readonly signal?: AbortSignal | undefined
  /** Maximum milliseconds to wait for it to stop. */
  readonly maxWait?: number
}

export interface LockSitesOptions extends LockOptions {
  readonly databases: DatabaseTargets
  /** Releases everything at the end. */
  readonly undo: AsyncDisposableStack
}

/**
 * Locks both databases for this process, so that nothing else uses or restores them.
 *
 * @throws Error naming the process or client that uses one
 */
export async function lockSites(
  sites: Sites,
  { databases, undo, ...options }: LockSitesOptions,
): Promise<void> {
  const embedded = databaseNames.some((name) => databases[name] === undefined)
  // A system with external databases has a data directory too, unless it runs on another machine.
  if (embedded || existsSync(path.join(options.dataDir, 'lock'))) undo.use(await lockDataDirectory(options))
  for (const name of databaseNames) {
    undo.use(await sites[name].lock())
    await sites[name].requireIdle()
  }
}

/**
 * Locks the data directory, so that nothing runs on it meanwhile.
 *
 * @throws Error when the stack runs on it and must not be stopped, or does not stop
 */
export async function lockDataDirectory({
  dataDir,
  stop,
  terminal,
  signal,
  maxWait = 120_000,
}: LockOptions): Promise<DataDirLock> {
  const deadline = Date.now() + maxWait
  let signalled: number | undefined
  for (;;) {
    signal?.throwIfAborted()
    try {
      return await lockDataDir(dataDir)
    } catch (error) {
      if (!(error instanceof DataDirInUseError)) throw error
      const { pid } = error
      const who = pid === undefined ? '' : ` (process ${String(pid)})`
      if (!stop)
        throw new Error(`the stack runs on ${dataDir}${who}. Stop it, or use --stop.`, {
          cause: error,
        })
      if (signalled !== undefined && pid !== undefined && pid !== signalled)
        throw new Error(
          `${dataDir} was locked again${who} after it was stopped: disable whatever restarts it.`,
          { cause: error },
        )
      if (Date.now() > deadline)
        throw new Error(`the stack on ${dataDir}${who} did not stop.`, { cause: error })
      if (signalled === undefined && pid !== undefined) {
        terminal.line('stopping', `the stack on ${dataDir}${who}`)
        process.kill(pid, 'SIGTERM')
        signalled = pid
      }
      await delay(100)
    }
  }
}
