import { cp, lstat, readdir, realpath, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { endAtOnce } from '../embedded/postmaster.ts'

/** What lies beside a cluster and is of no use in a copy. */
const traces = /^(?:server\.log.*|.*\.new)$/

/**
 * Makes `<dataDir>/<name>` of a stopped server complete in itself: a directory even where {@link makeServerHome} had
 * to put it elsewhere, without the traces of a run.
 */
export async function gatherHome(dataDir: string, name: string): Promise<void> {
  const home = path.join(dataDir, name)
  if ((await lstat(home)).isSymbolicLink()) {
    const elsewhere = await realpath(home)
    const whole = path.join(dataDir, `.${name}`)
    await cp(elsewhere, whole, { recursive: true, preserveTimestamps: true })
    await rm(home)
    await rename(whole, home)
    await rm(elsewhere, { recursive: true })
  }
  for (const entry of await readdir(home))
    if (traces.test(entry)) await rm(path.join(home, entry), { recursive: true })
  await rm(path.join(home, 'pgdata', 'postmaster.opts'), { force: true })
}

/** Removes a server nobody will miss, ending it first when a killed run left it up. */
export async function discardHome(dataDir: string, name: string): Promise<void> {
  const home = path.join(dataDir, name)
  const real = await realpath(home).catch(() => undefined)
  if (real !== undefined) {
    await endAtOnce(path.join(real, 'pgdata'))
    await rm(real, { recursive: true, force: true })
  }
  await rm(home, { recursive: true, force: true })
}
