import path from 'node:path'
import { connect, listTables, openSnapshot, type Snapshot } from '@user-stats/postgres'
import type { CommandContext } from '../command-context.ts'
import { reachDatabases } from '../databases/reach.ts'
import { hasStarted, removeReplaced } from '../databases/replaced.ts'
import { databaseNames, type DatabaseName } from '../databases/schemas.ts'
import { sitesOf } from '../databases/sites.ts'
import { describeKeys, findMasterKeys } from '../known-master-keys.ts'
import { exportTombstones } from '../tombstones/export.ts'
import { tombstonesFile, writeTombstones } from '../tombstones/file.ts'
import { readInstallation } from '../tombstones/installation.ts'
import { directoriesOf, type BackupOptions } from './arguments.ts'
import { dataKeysTable, dumpDatabase, dumpEvents, dumpTable, tablesToDump, type Dump } from './dump.ts'
import { readBackupEnv } from './env.ts'
import { appliedMigrations, masterKeysOf } from './database-state.ts'
import { describeFile } from './files.ts'
import { beginFolder, holdFolder, stampOf } from './folder.ts'
import { writeManifest, type FileEntry } from './manifest.ts'
import { deleteOldKeys } from './old-keys.ts'
import { createProgress, formatBytes } from './progress.ts'
import { createSpaceGuard, requireSpace } from './space.ts'

const dayMs = 86_400_000

/**
 * Copies the rows of both databases to one directory and users' data keys to another, while services run, and
 * deletes key backups that are too old. An interrupted run leaves nothing that counts as a backup.
 *
 * @returns the exit status
 * @throws Error with a one-line message
 */
export async function runBackup(options: CommandContext & BackupOptions): Promise<number> {
  const { terminal, signal, clock = () => new Date() } = options
  const env = readBackupEnv(options.env)
  const { to, keysTo } = directoriesOf(options, env.dataDir)
  if (options.stop) terminal.line('backup', '--stop has no effect: the system may run meanwhile')

  await using undo = new AsyncDisposableStack()
  const urls = await reachDatabases(env, terminal, undo, { signal })
  undo.use(await holdFolder(to, '--to'))
  undo.use(await holdFolder(keysTo, '--keys-to'))
  const now = clock()
  const backup = undo.use(await beginFolder(to, stampOf(now)))
  const keys = undo.use(await beginFolder(keysTo, stampOf(now)))

  // Copy users first: commands that the users database recorded later are sent again to an older events
  // database.
  const users = undo.use(await openSnapshot(urls.users))
  const events = undo.use(await openSnapshot(urls.events))
  const installation = await readInstallation(users.client)
  if (installation === undefined)
    throw new Error('no users service has ever started on these databases: there is nothing to back up')
  const masterKeys = await masterKeysOf(users.client)
  const about = { version: 2, createdAt: now.toISOString(), installation, masterKeys } as const

  const bytes = await sizeOf([users, events])
  requireSpace(to, bytes / bestCompression)
  const progress = createProgress(terminal, 'backup', 'rows read', bytes)
  const guards = [to, keysTo].map((dir) => createSpaceGuard(dir))
  const onBytes = (more: number) => {
    signal?.throwIfAborted()
    for (const guard of guards) guard(more)
    progress.add(more)
  }
  const dataKeys = await dumpDataKeys(users, keys.draft, onBytes)
  const dumps = {
    users: await dumpDatabase({ name: 'users', snapshot: users, dir: backup.draft, onBytes, signal }),
    events: await dumpEvents(urls.events, { snapshot: events, dir: backup.draft, onBytes, signal }),
  }
  progress.end()
  const tombstones = await saveTombstones(urls, backup.draft, { exportedAt: clock().toISOString() })
  await requireSameSchema(urls, dumps)
  signal?.throwIfAborted()

  await writeManifest(keys.draft, {
    format: 'user-statistics data keys',
    ...about,
    migrations: dumps.users.database.migrations,
    table: dataKeys.table,
    files: [dataKeys.file],
  })
  await writeManifest(backup.draft, {
    format: 'user-statistics backup',
    ...about,
    databases: { users: dumps.users.database, events: dumps.events.database },
    files: [...dumps.users.files, ...dumps.events.files, tombstones],
  })
  // Write the keys first: a backup without its keys would be useless.
  const keysDir = await keys.finish()
  const backupDir = await backup.finish()
  terminal.line(
    'keys',
    `${keysDir}: ${String(dataKeys.table.rows)} data keys, kept for ${String(env.keyBackupDays)} days`,
  )
  const deleted = await deleteOldKeys(keysTo, {
    before: new Date(now.getTime() - env.keyBackupDays * dayMs),
    users: users.client,
    about,
    terminal,
  })
  if (await hasStarted(users.client)) await removeReplaced(sitesOf(env), terminal)
  const size = dumps.users.files.concat(dumps.events.files).reduce((sum, file) => sum + file.bytes, 0)
  const openedBy = describeKeys(masterKeys, await findMasterKeys(env))
  terminal.line('secrets', `opened by ${openedBy}, which neither contains: keep a copy elsewhere`)
  terminal.line('done', `${backupDir}: ${formatBytes(size)}`)
  return deleted ? 0 : 1
}

/** Events compress to at best a tenth of their size on disk: refuse if less space than that is free. */
const bestCompression = 10

async function sizeOf(snapshots: readonly Snapshot[]): Promise<number> {
  const tables = (await Promise.all(snapshots.map(tablesToDump))).flat()
  return tables.reduce((sum, { bytes }) => sum + bytes, 0)
}

async function dumpDataKeys(users: Snapshot, dir: string, onBytes: (bytes: number) => void) {
  const table = (await listTables(users.client)).find(({ name }) => name === dataKeysTable)
  if (!table) throw new Error(`the users database has no table ${dataKeysTable}`)
  const { name, columns } = table
  return await dumpTable({ snapshot: users, dir, onBytes }, { name, columns }, `${dataKeysTable}.copy.zst`)
}

/** Erased users, revoked keys and blocked stores, read after both snapshots. */
async function saveTombstones(
  urls: Readonly<Record<DatabaseName, string>>,
  dir: string,
  head: { readonly exportedAt: string },
): Promise<FileEntry> {
  await using users = await connect(urls.users)
  await using events = await connect(urls.events)
  await writeTombstones(path.join(dir, tombstonesFile), await exportTombstones(users, events, head))
  return await describeFile(dir, tombstonesFile)
}

/**
 * @throws Error when a database was migrated meanwhile: an older snapshot may see a rewritten table as empty
 */
async function requireSameSchema(
  urls: Readonly<Record<DatabaseName, string>>,
  dumps: Readonly<Record<DatabaseName, Dump>>,
): Promise<void> {
  for (const name of databaseNames) {
    await using client = await connect(urls[name])
    const [before, after] = [dumps[name].database.migrations, await appliedMigrations(client)]
    if (before.join() !== after.join())
      throw new Error(`the ${name} database was migrated meanwhile: run the backup again. Nothing was kept.`)
  }
}
