import { chmod, chown, constants, copyFile, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { makeServerHome } from '../embedded/data-dir.ts'
import type { ServerUser } from '../embedded/run.ts'
import { serverUser } from '../embedded/server-user.ts'
import type { ClusterFiles } from './files.ts'

export interface CopyOptions {
  /** Directory of the stopped server, with `pgdata` and its password in it. */
  readonly from: string
  readonly files: ClusterFiles
  /** The copy becomes `<dataDir>/<name>`, for {@link startEmbeddedPostgres} to start. */
  readonly dataDir: string
  readonly name: string
  readonly log?: (message: string) => void
  /** Told after each file how many bytes it had. */
  readonly onBytes?: (bytes: number) => void
  /** Gives the copy up between two files. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Copies a stopped cluster, file by file, each on disk before this ends; sharing blocks with the original where the
 * file system can. It is called `pgdata` only when it is whole.
 *
 * @returns the directory that really holds the copy
 */
export async function copyCluster(options: CopyOptions): Promise<string> {
  const { from, files, dataDir, name, log = () => undefined, onBytes, signal } = options
  const user = await serverUser(path.join(from, 'pgdata'))
  const home = await makeServerHome(dataDir, name, user, log)
  const unfinished = path.join(home, 'pgdata.new')
  await rm(unfinished, { recursive: true, force: true })
  for (const folder of ['', ...files.folders]) await makeFolder(path.join(unfinished, folder), user)
  await inParallel(files.files, async (file) => {
    signal?.throwIfAborted()
    const target = path.join(unfinished, file.path)
    if (file.empty) await writeFile(target, '')
    else await copyFile(path.join(from, 'pgdata', file.path), target, constants.COPYFILE_FICLONE)
    await settle(target, user)
    onBytes?.(file.bytes)
  })
  const password = path.join(home, 'superuser-password')
  await copyFile(path.join(from, 'superuser-password'), password)
  await settle(password, user)
  await rename(unfinished, path.join(home, 'pgdata'))
  for (const folder of ['pgdata', '.']) await sync(path.join(home, folder))
  return home
}

/** Eight at a time: most of it is waiting for the disk. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values()
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (const item of rest) await work(item)
    }),
  )
}

async function makeFolder(folder: string, user: ServerUser | undefined): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (user) await chown(folder, user.uid, user.gid)
}

async function settle(file: string, user: ServerUser | undefined): Promise<void> {
  await chmod(file, 0o600)
  if (user) await chown(file, user.uid, user.gid)
  await sync(file)
}

async function sync(name: string): Promise<void> {
  const handle = await open(name)
  await handle.sync().finally(() => handle.close())
}
