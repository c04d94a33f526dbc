import { randomBytes, randomUUID } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** Creates a private directory for segments, with a folder for drafts of this process. */
export async function prepareDirectory(
  dir: string,
): Promise<{ readonly key: string; readonly drafts: string }> {
  const drafts = path.join(dir, 'drafts', `${String(process.pid)}-${randomUUID()}`)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await chmod(dir, 0o700)
  await removeAbandoned(path.join(dir, 'drafts'))
  await mkdir(drafts, { recursive: true, mode: 0o700 })
  return { key: await readKey(path.join(dir, 'key')), drafts }
}

/** The key of pseudonyms: created once, by the first of several processes. */
async function readKey(file: string): Promise<string> {
  await writeFile(file, randomBytes(32).toString('hex'), { mode: 0o600, flag: 'wx' }).catch(
    (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    },
  )
  return await readFile(file, 'utf8')
}

/** Deletes leftovers of ended processes. */
async function removeAbandoned(dir: string): Promise<void> {
  const isAlive = (pid: number): boolean => {
    try {
      return process.kill(pid, 0)
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM'
    }
  }
  for (const name of await readdir(dir).catch(() => []))
    if (!isAlive(Number.parseInt(name, 10))) await rm(path.join(dir, name), { recursive: true, force: true })
}
