import { randomUUID } from 'node:crypto'
import { chmod, link, open, readFile, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'

/** The trimmed text of a file; undefined when it is missing or empty. */
export async function readText(file: string): Promise<string | undefined> {
  const text = (await readIfExists(file))?.trim()
  return text === '' ? undefined : text
}

/** Writes a new private file; resolves when its content is on disk. */
export async function writeDurably(file: string, text: string | Uint8Array, mode = 0o600): Promise<void> {
  await using handle = await open(file, 'wx', 0o600)
  await handle.writeFile(text)
  await handle.chmod(mode)
  await handle.sync()
}

/** Writes a file that only its owner can read, atomically; resolves when file and name are on disk. */
export async function replaceFile(file: string, text: string, mode?: number): Promise<void> {
  const unfinished = `${file}.new`
  await rm(unfinished, { force: true })
  await writeDurably(unfinished, `${text}\n`, mode)
  await rename(unfinished, file)
  await syncDirectory(path.dirname(file))
}

/**
 * The text of a secret file. Created if absent, never changed: a file is linked to its final name when it is
 * complete and on disk, and a link overwrites nothing, even when two starts race.
 *
 * @param mode permissions of a new file
 */
export async function createSecretFile(file: string, mode: number, generate: () => string): Promise<string> {
  const found = await readIfExists(file)
  if (found !== undefined) return found.trimEnd()
  const unfinished = path.join(path.dirname(file), `.${randomUUID()}`)
  try {
    await writeDurably(unfinished, `${generate()}\n`, mode)
    await link(unfinished, file).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
    })
  } finally {
    await rm(unfinished, { force: true })
  }
  // Sync the directory too: a database may be sealed with this secret a second later.
  await syncDirectory(path.dirname(file))
  return (await readFile(file, 'utf8')).trimEnd()
}

/** Revokes the permissions of others, for example after a copy. Files of another owner are not changed. */
export async function keepPrivate(file: string): Promise<void> {
  const { mode } = await stat(file)
  if ((mode & 0o077) !== 0) await chmod(file, 0o600).catch(() => undefined)
}

/** Removes a file; resolves when the removal is on disk. */
export async function removeFile(file: string): Promise<void> {
  await rm(file, { force: true })
  await syncDirectory(path.dirname(file))
}

/** Resolves when the names in a directory are on disk. */
export async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory)
  await handle.sync()
}

const readIfExists = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code
