import { chown, cp, readdir, realpath, rm } from 'node:fs/promises'
import path from 'node:path'
import { makeServerHome } from './data-dir.ts'
import { endAtOnce, readPidFile, type Postmaster } from './postmaster.ts'
import { serverUser } from './server-user.ts'

/** Ends the server of `<dataDir>/<name>` at once, should one run there. */
export async function endServer(dataDir: string, name: string): Promise<void> {
  const home = await realpath(path.join(dataDir, name)).catch(() => undefined)
  if (home !== undefined) await endAtOnce(path.join(home, 'pgdata'))
}

/** The server of `<dataDir>/<name>` by its pid file, which may be stale; undefined without one. */
export const readPostmaster = (dataDir: string, name: string): Promise<Postmaster | undefined> =>
  readPidFile(path.join(dataDir, name, 'pgdata'))

/** Removes the server of `<dataDir>/<name>` and its data. */
export async function discardHome(dataDir: string, name: string): Promise<void> {
  await endServer(dataDir, name)
  const home = path.join(dataDir, name)
  const real = await realpath(home).catch(() => undefined)
  if (real !== undefined) await rm(real, { recursive: true, force: true })
  await rm(home, { recursive: true, force: true })
}

/** Copies the files of a stopped server to `<dataDir>/<name>`, where it can be started. */
export async function copyHome(from: string, dataDir: string, name: string): Promise<void> {
  const user = await serverUser('')
  const home = await makeServerHome(dataDir, name, user, () => undefined)
  await cp(from, home, { recursive: true, preserveTimestamps: true })
  if (!user) return
  for (const entry of await readdir(home, { recursive: true, withFileTypes: true }))
    await chown(path.join(entry.parentPath, entry.name), user.uid, user.gid)
}
