import { existsSync } from 'node:fs'
import { mkdir, readdir, rename } from 'node:fs/promises'
import path from 'node:path'
import { discardHome, endServer } from '@user-stats/postgres'
import { syncDirectory } from '../durable-file.ts'
import { requireSpace } from '../backup/space.ts'
import { rolePasswords } from '../secrets.ts'
import { startEmbeddedDatabase } from './embedded.ts'
import type { DatabaseName } from './schemas.ts'
import { isDraft, nameOf, stageOf, type Site, type Stage } from './site.ts'

/** Each stage is a server of its own, in a subdirectory of the data directory. The caller holds its lock. */
export function embeddedSite(
  database: DatabaseName,
  dataDir: string,
  log: (message: string) => void = () => undefined,
): Site {
  const directoryOf = (stage: Stage) => nameOf(database, stage)
  return {
    database,
    stages: () => stagesIn(dataDir, database),
    describe: (stage) => path.join(dataDir, directoryOf(stage)),
    rename: async (changes) => {
      for (const [from, to] of changes) {
        await endServer(dataDir, directoryOf(from))
        await rename(path.join(dataDir, directoryOf(from)), path.join(dataDir, directoryOf(to)))
        await syncDirectory(dataDir)
      }
    },
    drop: (stage) => discardHome(dataDir, directoryOf(stage)),
    open: async (stage) => {
      await mkdir(dataDir, { recursive: true })
      const passwords = (await rolePasswords(dataDir))[database]
      return await startEmbeddedDatabase({
        name: database,
        dataDir,
        directory: directoryOf(stage),
        passwords,
        log,
      })
    },
    lock: () => Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve() }),
    requireIdle: () => Promise.resolve(),
    requireSpace: (bytes) => {
      requireSpace(dataDir, bytes)
    },
  }
}

async function stagesIn(dataDir: string, database: DatabaseName): Promise<ReadonlySet<Stage>> {
  const names = await readdir(dataDir).catch(() => [])
  const stages = names.flatMap((name) => stageOf(database, name) ?? [])
  return new Set(stages.filter((stage) => stage !== '' || existsSync(path.join(dataDir, database, 'pgdata'))))
}

/** Removes leftovers of interrupted restores. */
export async function removeDrafts(dataDir: string, database: DatabaseName): Promise<void> {
  for (const stage of await stagesIn(dataDir, database))
    if (isDraft(stage)) await discardHome(dataDir, nameOf(database, stage))
}
