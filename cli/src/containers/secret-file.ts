import { randomUUID } from 'node:crypto'
import { link, open, readFile, rm } from 'node:fs/promises'
import path from 'node:path'

/**
 * The text of a secret file. Created if absent, never changed: a file is linked to its final name when it is
 * complete and on disk, and a link overwrites nothing, even when two starts race.
 *
 * @param mode permissions of a new file
 */
export async function createSecretFile(file: string, mode: number, generate: () => string): Promise<string> {
  const found = await read(file)
  if (found !== undefined) return found
  const folder = path.dirname(file)
  const unfinished = path.join(folder, `.${randomUUID()}`)
  try {
    await using handle = await open(unfinished, 'wx', 0o600)
    await handle.writeFile(`${generate()}\n`)
    await handle.chmod(mode)
    await handle.sync()
    await link(unfinished, file).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error
    })
  } finally {
    await rm(unfinished, { force: true })
  }
  // Sync the directory too: a database may be sealed with this secret a second later.
  await using directory = await open(folder)
  await directory.sync()
  return (await readFile(file, 'utf8')).trimEnd()
}

async function read(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trimEnd()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code
