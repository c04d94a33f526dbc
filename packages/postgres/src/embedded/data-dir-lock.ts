import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { makeDataDir } from './data-dir.ts'
import { DataDirInUseError, DirectoryError } from '../errors.ts'
import { reasonOf } from './make-directory.ts'

export type DataDirLock = AsyncDisposable & { release: () => Promise<void> }

/**
 * Locks a data directory for this process. The lock is the operating system's own on an open file (taken
 * through SQLite, which is part of Node), so it ends with the process however that dies: there is no stale
 * lock to detect by process ids. Child processes do not inherit it.
 *
 * @param setting the name of the variable or option
 * @throws DataDirInUseError when another start holds it
 * @throws DirectoryError when it cannot be created or written to
 */
export async function lockDataDir(dataDir: string, setting = 'DATA_DIR'): Promise<DataDirLock> {
  const dir = await makeDataDir(dataDir, setting)
  const holderFile = path.join(dir, 'lock.pid')
  const file = path.join(dir, 'lock')
  // Private, so that no other user can hold the lock. An existing file is not reopened: closing it would
  // release a lock of this process.
  const unusable = (cause: unknown) =>
    new DirectoryError(setting, `${file} cannot be written: ${reasonOf(cause)}`, { cause })
  await writeFile(file, '', { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(error)
  })
  const lock = new DatabaseSync(file, { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    if (!/locked|busy/i.test((error as Error).message)) throw unusable(error)
    // For the message only: the number does not tell whether the lock is held.
    const pid = Number.parseInt(await readFile(holderFile, 'utf8').catch(() => ''), 10)
    throw new DataDirInUseError(dir, Number.isNaN(pid) ? undefined : pid)
  }
  await writeFile(holderFile, `${String(process.pid)}\n`).catch((error: unknown) => {
    lock.close()
    throw unusable(error)
  })
  let released = false
  const release = async () => {
    if (released) return
    released = true
    await rm(holderFile, { force: true })
    lock.close()
  }
  return { release, [Symbol.asyncDispose]: release }
}
