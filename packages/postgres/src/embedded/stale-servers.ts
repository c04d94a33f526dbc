import { readdir, realpath, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { lockDataDir } from './data-dir-lock.ts'
import { endAtOnce } from './postmaster.ts'

/** Prefix of the temporary directories of test servers. */
export const prefix = 'user-stats-test-'

/**
 * Ends test servers whose test run was killed, and removes their data: nothing else would, since a server
 * outlives the process that started it. A server whose lock a living process holds is left alone.
 */
export async function removeAbandoned(): Promise<void> {
  const names = await readdir(tmpdir())
  for (const name of names.filter((candidate) => candidate.startsWith(prefix))) {
    // Best effort: it may belong to another user, or be stopping already.
    await removeIfAbandoned(path.join(tmpdir(), name)).catch(() => undefined)
  }
}

async function removeIfAbandoned(dir: string): Promise<void> {
  const { mtimeMs } = await stat(dir)
  // A new one may not hold its lock yet.
  if (Date.now() - mtimeMs < 60_000) return
  const lock = await lockDataDir(dir)
  try {
    const home = await realpath(path.join(dir, 'test')).catch(() => undefined)
    if (home !== undefined) {
      await endAtOnce(path.join(home, 'pgdata'))
      await rm(home, { recursive: true, force: true })
    }
    await rm(dir, { recursive: true, force: true })
  } finally {
    await lock.release()
  }
}
