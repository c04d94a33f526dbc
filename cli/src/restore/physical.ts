import path from 'node:path'
import {
  copyHome,
  discardHome,
  makeDataDir,
  openSnapshot,
  readSequences,
  startEmbeddedPostgres,
} from '@user-stats/postgres'
import { tablesToDump } from '../backup/dump.ts'
import { requireSpace } from '../backup/space.ts'
import type { Found } from '../backup/folder.ts'
import type { PhysicalBackupManifest } from '../backup/manifest.ts'
import type { DatabaseName } from '../databases/schemas.ts'
import { nameOf } from '../databases/site.ts'
import type { Terminal } from '../terminal.ts'
import type { Source } from './source.ts'

/** A draft, so that it is removed at the end. */
const stage = 'restoring_00000000000000'

/**
 * Starts servers on copies of the files that version 1 backed up, to read their rows.
 *
 * @param undo collects what to stop and remove
 */
export async function startPhysical(
  { dir, manifest }: Found<PhysicalBackupManifest>,
  { dataDir, terminal, undo }: { dataDir: string; terminal: Terminal; undo: AsyncDisposableStack },
): Promise<Source> {
  const bytesOf = (part: string) =>
    manifest.files.reduce((sum, file) => sum + (file.path.startsWith(part) ? file.bytes : 0), 0)
  requireSpace(await makeDataDir(dataDir), bytesOf(''))
  const open = async (name: DatabaseName) => {
    const directory = nameOf(name, stage)
    terminal.line('restore', `${name}: copying the files of PostgreSQL ${manifest.postgres}`)
    undo.defer(() => discardHome(dataDir, directory))
    await copyHome(path.join(dir, name), dataDir, directory)
    const server = undo.use(await startEmbeddedPostgres({ dataDir, name: directory }))
    const snapshot = undo.use(await openSnapshot(server.url(name)))
    const about = {
      migrations: manifest.migrations[name],
      bytes: bytesOf(`${name}/`),
      sequences: await readSequences(snapshot.client),
      tables: await tablesToDump(snapshot),
    }
    return { snapshot, about }
  }
  const [users, events] = [await open('users'), await open('events')]
  const opened = { users, events }
  return {
    databases: { users: users.about, events: events.about },
    read: (database, table, consume) => opened[database].snapshot.copyOut(table, consume),
  }
}
