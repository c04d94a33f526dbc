import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { makeDataDir } from './data-dir.ts'
import { DataDirInUseError } from '../errors.ts'

export type DataDirLock = AsyncDisposable & { release: () => Promise<void> }

/**
 * Takes a data directory for this process alone. The lock is the operating system's own on an open file
 * (taken through SQLite, which Node brings along), so it ends with the process however that dies: there is no
 * stale lock to judge by process numbers. Children do not inherit it.
 *
 * @throws DataDirInUseError when another start holds it
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const dir = await makeDataDir(dataDir)
  const holderFile = path.join(dir, 'lock.pid')
  const file = path.join(dir, 'lock')
  // Readable by others, it could be held by others.
  await writeFile(file, '', { mode: 0o600, flag: 'a' })
  const lock = new DatabaseSync(file, { timeout: 0 })
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    if (!/locked|busy/i.test((error as Error).message)) throw error
    // Only for the message: the number says nothing about whether the lock is held.
    const pid = Number.parseInt(await readFile(holderFile, 'utf8').catch(() => ''), 10)
    throw new DataDirInUseError(dir, Number.isNaN(pid) ? undefined : pid)
  }
  await writeFile(holderFile, `${String(process.pid)}\n`)
  let released = false
  const release = async () => {
    if (released) return
    released = true
    await rm(holderFile, { force: true })
    lock.close()
  }
  return { release, [Symbol.asyncDispose]: release }
}
