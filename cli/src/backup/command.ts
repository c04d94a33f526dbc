import path from 'node:path'
import { rm } from 'node:fs/promises'
import { embeddedVersion } from '@user-stats/postgres'
import type { CommandContext } from '../command-context.ts'
import { databasesIn, startClusters } from '../databases/clusters.ts'
import { databaseNames } from '../databases/schemas.ts'
import { requireNoSwap } from '../databases/swap.ts'
import type { Terminal } from '../terminal.ts'
import { exportTombstones } from '../tombstones/export.ts'
import { writeTombstones } from '../tombstones/file.ts'
import { directoriesOf, type BackupOptions } from './arguments.ts'
import { copyBoth, proveCopy, type Homes } from './copy.ts'
import { exportDataKeys, filesOfDataKeys } from './data-keys.ts'
import { readBackupEnv } from './env.ts'
import { countRows, masterKeysOf, migrationsOf } from './facts.ts'
import { beginFolder, findBackups, holdFolder, stampOf } from './folder.ts'
import { holdDataDir } from './hold.ts'
import { digestTree, writeManifest, type KeysManifest } from './manifest.ts'
import { formatBytes } from './progress.ts'

/**
 * Copies both embedded databases to one place and users' data keys to another, and deletes backups of keys that are
 * too old. What is killed midway leaves nothing that counts as a backup.
 *
 * @returns the exit status: 1 when the backup is complete, but the data in it is not as it should be
 * @throws Error in one line for the operator
 */
export async function runBackup(options: CommandContext & BackupOptions): Promise<number> {
  const { env, terminal, signal, clock = () => new Date(), stop = false } = options
  const { dataDir, keyBackupDays } = readBackupEnv(env)
  const { to, keysTo } = directoriesOf(options, dataDir)
  const missing = databaseNames.filter((name) => !databasesIn(dataDir).includes(name))
  if (missing.length > 0) throw new Error(`there is no ${missing.join(' and no ')} database in ${dataDir}`)

  await using undo = new AsyncDisposableStack()
  undo.use(await holdDataDir({ dataDir, stop, terminal, signal }))
  requireNoSwap(dataDir)
  undo.use(await holdFolder(to, '--to'))
  undo.use(await holdFolder(keysTo, '--keys-to'))
  const now = clock()
  const createdAt = now.toISOString()
  const backup = undo.use(await beginFolder(to, stampOf(now)))
  const keys = undo.use(await beginFolder(keysTo, stampOf(now)))

  const source = await startClusters({
    dataDir,
    log: (name, message) => {
      terminal.line('database', `${name}: ${message}`)
    },
  })
  const about = await lookAt(source, path.join(keys.draft, 'user-keys.ndjson'), createdAt).finally(
    source.stop,
  )
  signal?.throwIfAborted()

  const { installation, bytes } = await copyBoth({
    homes: about.homes,
    to: backup.draft,
    step: 'backup',
    without: { users: about.keyFiles },
    terminal,
    signal,
  })
  await writeTombstones(path.join(backup.draft, 'tombstones.ndjson'), { ...about.tombstones, installation })
  const verified = await proveCopy(backup.draft, { expected: about.rows, terminal, clock })
  signal?.throwIfAborted()

  const common = { version: 1, createdAt, installation, masterKeys: about.masterKeys } as const
  await writeManifest(keys.draft, {
    format: 'user-statistics data keys',
    ...common,
    keys: about.keys,
    files: await digestTree(keys.draft),
  })
  await writeManifest(backup.draft, {
    format: 'user-statistics backup',
    ...common,
    postgres: await embeddedVersion(),
    platform: `${process.platform}-${process.arch}`,
    migrations: about.migrations,
    rows: about.rows,
    verified,
    files: await digestTree(backup.draft),
  })
  // The keys first: a backup whose keys are nowhere would not be one.
  const keysDir = await keys.finish()
  const backupDir = await backup.finish()
  await deleteOldKeys(keysTo, installation, new Date(now.getTime() - keyBackupDays * 86_400_000), terminal)
  terminal.line('keys', `${keysDir}: ${String(about.keys)} data keys, kept for ${String(keyBackupDays)} days`)
  if (!verified)
    terminal.line('wrong', 'the original does not pass npm run verify, and so neither does its backup')
  terminal.line('done', `${backupDir}: ${formatBytes(bytes)}; the master key is in neither`)
  return verified ? 0 : 1
}

async function lookAt(
  source: Awaited<ReturnType<typeof startClusters>>,
  keysFile: string,
  exportedAt: string,
) {
  const { users, events, servers } = source
  const homes: Homes = { users: servers.users.home, events: servers.events.home }
  return {
    homes,
    migrations: await migrationsOf(source),
    rows: await countRows(source),
    masterKeys: await masterKeysOf(users),
    keys: await exportDataKeys(users, keysFile),
    keyFiles: await filesOfDataKeys(users),
    tombstones: await exportTombstones(users, events, { exportedAt, installation: '' }),
  }
}

/** An erased user's data in older backups is readable only as long as a backup of the keys has theirs. */
async function deleteOldKeys(
  dir: string,
  installation: string,
  before: Date,
  terminal: Terminal,
): Promise<void> {
  for (const { dir: old, manifest } of await findBackups<KeysManifest>(dir, 'user-statistics data keys'))
    if (manifest.installation === installation && new Date(manifest.createdAt) <= before) {
      await rm(old, { recursive: true })
      terminal.line('keys', `${old}: deleted, too old`)
    }
}
