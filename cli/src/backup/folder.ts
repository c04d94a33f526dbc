import { readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { DataDirInUseError, lockDataDir, makeDataDir } from '@user-stats/postgres'
import { syncDirectory } from '../durable-file.ts'
import { readManifest, type AnyManifest } from './manifest.ts'

const unfinished = '.unfinished-'

/** The time of a backup as a directory name: `2026-11-24T15-04-05-006Z`. */
export const stampOf = (instant: Date): string => instant.toISOString().replaceAll(/[:.]/g, '-')

/**
 * Locks a directory of backups for this process, and removes what killed runs left in it.
 *
 * @param option the option that names it
 * @throws Error when another run holds the lock
 */
export async function holdFolder(dir: string, option: string): Promise<AsyncDisposable> {
  const lock = await lockDataDir(dir, option).catch((error: unknown) => {
    throw error instanceof DataDirInUseError
      ? new Error(`${dir} is being written to by another run; wait for it.`)
      : error
  })
  for (const name of await readdir(dir))
    if (name.startsWith(unfinished)) await rm(path.join(dir, name), { recursive: true, force: true })
  return lock
}

/** A directory that counts as a backup only after `finish`. */
export async function beginFolder(dir: string, stamp: string) {
  const draft = await makeDataDir(path.join(dir, `${unfinished}${stamp}`))
  const finished = path.join(dir, stamp)
  let done = false
  return {
    draft,
    finish: async (): Promise<string> => {
      for (const entry of await readdir(draft, { withFileTypes: true }))
        if (entry.isDirectory()) await syncDirectory(path.join(draft, entry.name))
      await syncDirectory(draft)
      await rename(draft, finished)
      await syncDirectory(dir)
      done = true
      return finished
    },
    [Symbol.asyncDispose]: async () => {
      if (!done) await rm(draft, { recursive: true, force: true })
    },
  }
}

export interface Found<M> {
  readonly dir: string
  readonly manifest: M
}

/**
 * The finished backups in a directory, newest first; it may be a backup itself.
 *
 * @throws Error when a manifest cannot be read
 */
export async function findBackups<M extends AnyManifest>(
  dir: string,
  format: M['format'],
): Promise<Found<M>[]> {
  const own = await readManifest<M>(dir, format)
  if (own) return [{ dir, manifest: own }]
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => [])
  const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
  const found = await Promise.all(
    names.map(async ({ name }) => {
      const manifest = await readManifest<M>(path.join(dir, name), format)
      return manifest ? [{ dir: path.join(dir, name), manifest }] : []
    }),
  )
  return found.flat().sort((a, b) => b.manifest.createdAt.localeCompare(a.manifest.createdAt))
}
