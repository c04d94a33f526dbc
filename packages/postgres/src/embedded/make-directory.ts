import { lstat, mkdir, readlink, stat } from 'node:fs/promises'
import path from 'node:path'
import { DirectoryError } from '../errors.ts'

/** Maximum bytes of a path: SQLite, which holds the lock, opens no file with a path longer than 512. */
const longestPath = 490

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOENT: 'it accepts no new files',
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the quota of this user is used up',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'a name in it is too long',
}

/** The reason why a system call on a path failed, in words. */
export const reasonOf = (error: unknown): string => {
  const { code = '', message } = error as NodeJS.ErrnoException
  return code in reasons ? `${reasons[code] ?? ''} (${code})` : message
}

/**
 * Creates a directory and those above it, one by one: `mkdir` of Node with `recursive` never returns below
 * /proc.
 *
 * @returns whether it was created
 * @throws DirectoryError with the reason
 */
export async function makeDirectory(dir: string, setting: string): Promise<boolean> {
  const bytes = Buffer.byteLength(dir)
  if (bytes > longestPath)
    throw new DirectoryError(
      setting,
      `a path of ${String(bytes)} bytes is too long; at most ${String(longestPath)} work`,
    )
  try {
    await mkdir(dir, { mode: 0o711 })
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') {
      await requireDirectory(dir, setting)
      return false
    }
    if (code !== 'ENOENT') throw new DirectoryError(setting, await refusal(dir, error), { cause: error })
    const parent = path.dirname(dir)
    if (!(await makeDirectory(parent, setting))) {
      // It exists but accepts no directories, as /proc.
      throw new DirectoryError(setting, `${dir} cannot be created: ${parent} takes no new directories`, {
        cause: error,
      })
    }
    return await makeDirectory(dir, setting)
  }
}

/** @throws DirectoryError when the path is not a directory */
async function requireDirectory(dir: string, setting: string): Promise<void> {
  const found = await stat(dir).catch(async (cause: unknown) => {
    const link = await readlink(dir).catch(() => undefined)
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT' && link !== undefined
    const reason = missing
      ? `${dir} is a symbolic link to ${link}, which does not exist`
      : `${dir} cannot be used: ${reasonOf(cause)}`
    throw new DirectoryError(setting, reason, { cause })
  })
  if (!found.isDirectory()) throw new DirectoryError(setting, `${dir} is not a directory`)
}

/** The reason why a directory cannot be created, naming the parent directory at fault. */
async function refusal(dir: string, error: unknown): Promise<string> {
  const { code } = error as NodeJS.ErrnoException
  if (code !== 'ENOTDIR') return `${dir} cannot be created: ${reasonOf(error)}`
  let above = path.dirname(dir)
  while (!(await lstat(above).catch(() => undefined))) above = path.dirname(above)
  return `${dir} cannot be created: ${above} is not a directory`
}
