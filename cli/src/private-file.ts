import { chmod, open, readFile, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'

/** The trimmed text of a file; undefined when it is missing or empty. */
export async function readText(file: string): Promise<string | undefined> {
  const found = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  })
  return found.trim() === '' ? undefined : found.trim()
}

/** Writes a file that only its owner can read, atomically; resolves when file and name are on disk. */
export async function replaceFile(file: string, text: string, mode = 0o600): Promise<void> {
  const unfinished = `${file}.new`
  await rm(unfinished, { force: true })
  {
    await using handle = await open(unfinished, 'wx', 0o600)
    await handle.writeFile(`${text}\n`)
    await handle.chmod(mode)
    await handle.sync()
  }
  await rename(unfinished, file)
  await syncFolder(file)
}

/** Revokes the permissions of others, for example after a copy. Files of another owner are not changed. */
export async function keepPrivate(file: string): Promise<void> {
  const { mode } = await stat(file)
  if ((mode & 0o077) !== 0) await chmod(file, 0o600).catch(() => undefined)
}

/** Removes a file; resolves when the removal is on disk. */
export async function removeFile(file: string): Promise<void> {
  await rm(file, { force: true })
  await syncFolder(file)
}

async function syncFolder(file: string): Promise<void> {
  await using folder = await open(path.dirname(file))
  await folder.sync()
}
