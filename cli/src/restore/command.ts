import path from 'node:path'
import { migrationStatus } from '@user-stats/postgres'
import { readBackupEnv } from '../backup/env.ts'
import { checkFiles } from '../backup/files.ts'
import type { Found } from '../backup/folder.ts'
import type { AnyManifest } from '../backup/manifest.ts'
import { createProgress } from '../backup/progress.ts'
import type { CommandContext } from '../command-context.ts'
import { UsageError } from '../failure.ts'
import { databaseNames, schemas, type DatabaseName } from '../databases/schemas.ts'
import { stampOf, type Sites, type Stage } from '../databases/site.ts'
import { sitesOf } from '../databases/sites.ts'
import {
  dropDrafts,
  finishSwitch,
  interruptedSwitch,
  switchToRestored,
  undoSwitch,
} from '../databases/switch.ts'
import type { DatabaseTargets } from '../databases/urls.ts'
import { findMasterKeys } from '../known-master-keys.ts'
import type { Terminal } from '../terminal.ts'
import type { Tombstones } from '../tombstones/file.ts'
import { buildDatabases, type BuildOptions } from './build.ts'
import { selectBackup, type SelectedBackup } from './select-backup.ts'
import { lockSites } from './lock.ts'
import { requireMasterKeys } from './master-key.ts'
import { startPhysical } from './physical.ts'
import { filesOf, type Source } from './source.ts'
import { exportServed, gatherTombstones, readReplaced } from './tombstones.ts'

export interface RestoreOptions {
  readonly from?: string
  readonly keysFrom?: string
  readonly tombstones?: readonly string[]
  /** Whether to stop the system running on the data directory first. */
  readonly stop?: boolean
  /** Whether to replace existing data. */
  readonly force?: boolean
  /** Whether to lose later erasures when the existing data cannot be read. */
  readonly ignoreReplaced?: boolean
  /** Whether to restore data that cannot be decrypted here. */
  readonly withoutMasterKey?: boolean
  /** Whether to restore data that does not pass verification. */
  readonly unverified?: boolean
  /** Undo the latest restore instead. */
  readonly undo?: boolean
}

/**
 * Builds both databases from a backup and a backup of data keys next to the served ones, erases users in them
 * who were erased since, verifies them, and only then switches to them. The previous ones are kept until a
 * start has succeeded. Killed midway, it leaves the served databases unchanged; once the switch has begun,
 * the next run finishes it.
 *
 * @returns the exit status: 1 when the verification failed and nothing was switched
 * @throws Error with a one-line message
 */
export async function runRestore(options: CommandContext & RestoreOptions): Promise<number> {
  const { terminal, signal, clock = () => new Date() } = options
  const env = readBackupEnv(options.env)
  const sites = sitesOf(env, terminal)
  await using undo = new AsyncDisposableStack()
  const { dataDir, databases } = env
  const hold = () =>
    lockSites(sites, { dataDir, databases, stop: options.stop ?? false, terminal, signal, undo })

  const interrupted = await interruptedSwitch(sites)
  if (interrupted !== undefined) {
    await hold()
    terminal.line('restore', 'finishing a restore that was interrupted while switching databases')
    await finishSwitch(sites, interrupted)
    await reportServed(sites, terminal)
    return 0
  }
  if (options.undo) {
    await hold()
    await undoSwitch(sites)
    await dropDrafts(sites)
    await reportServed(sites, terminal)
    return 0
  }

  if (options.from === undefined)
    throw new UsageError("required option '--from <directory>' not specified, nor --undo")
  const chosen = await selectBackup(
    path.resolve(options.from),
    path.resolve(options.keysFrom ?? `${dataDir}-key-backups`),
  )
  const known = await findMasterKeys(env)
  if (!options.withoutMasterKey) requireMasterKeys(dataDir, chosen, known)
  await requireUnused(sites, options.force ?? false)
  await hold()
  await dropDrafts(sites)
  for (const { dir, manifest } of [chosen.backup, chosen.keys])
    await check({ dir, manifest }, terminal, signal)

  const replaced = await readReplaced(sites, { ignore: options.ignoreReplaced ?? false, terminal, clock })
  const files = (options.tombstones ?? []).map((file) => path.resolve(file))
  const tombstones = await gatherTombstones({ chosen, files, replaced, terminal })
  signal?.throwIfAborted()

  const stamp = stampOf(clock())
  const { manifest } = chosen.backup
  undo.defer(() => dropDrafts(sites))
  const fine = await build(sites, `restoring_${stamp}`, {
    dataDir,
    chosen,
    tombstones,
    masterKeys: options.withoutMasterKey ? undefined : known,
    terminal,
    clock,
    signal,
  })
  if (!fine && !options.unverified) {
    terminal.line(
      'done',
      'nothing was changed. See the faults above; --unverified restores the data nevertheless',
    )
    return 1
  }
  await requireUnchanged(sites, databases, replaced)
  signal?.throwIfAborted()
  await switchToRestored(sites, stamp)
  await reportServed(sites, terminal)
  terminal.line('done', `both databases are as they were on ${manifest.createdAt}`)
  return 0
}

/** @throws Error when existing data must not be replaced */
async function requireUnused(sites: Sites, force: boolean): Promise<void> {
  for (const name of databaseNames)
    if (!force && (await sites[name].stages()).has(''))
      throw new Error(
        `${sites[name].describe('')} exists already. Replace it with --force, or restore to another DATA_DIR.`,
      )
}

async function check(
  { dir, manifest }: Found<AnyManifest>,
  terminal: Terminal,
  signal: AbortSignal | undefined,
): Promise<void> {
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
  const progress = createProgress(terminal, 'check', `${dir} read`, bytes)
  await checkFiles(dir, manifest.files, progress.add, signal)
  progress.end()
}

interface WholeBuild extends Omit<BuildOptions, 'source' | 'keys' | 'createdAt' | 'onLoaded'> {
  readonly dataDir: string
  readonly chosen: SelectedBackup
}

/** Maximum size of an embedded server's write-ahead log. */
const writeAheadLog = 2 * 1024 ** 3

/** Builds a stage of both databases, and stops what it started. @returns whether the verification passed */
async function build(
  sites: Sites,
  stage: Stage,
  { dataDir, chosen, ...options }: WholeBuild,
): Promise<boolean> {
  const { terminal } = options
  const { backup, keys } = chosen
  await using undo = new AsyncDisposableStack()
  const { source, end } = await openSource(backup, { dataDir, terminal, undo })
  const needed = databaseNames.map((name) => source.databases[name].bytes)
  const bytes = needed.reduce((sum, each) => sum + each + Math.min(each, writeAheadLog), 0)
  for (const name of databaseNames) sites[name].requireSpace(bytes)
  const open = async (name: DatabaseName) => {
    const database = await sites[name].open(stage)
    undo.defer(() => database.stop())
    return database
  }
  const databases = { users: await open('users'), events: await open('events') }
  const { createdAt } = backup.manifest
  return await buildDatabases(databases, { ...options, source, keys, createdAt, onLoaded: end })
}

async function openSource(
  { dir, manifest }: SelectedBackup['backup'],
  options: { readonly dataDir: string; readonly terminal: Terminal; readonly undo: AsyncDisposableStack },
): Promise<{ source: Source; end: () => void }> {
  if (manifest.version === 1)
    return { source: await startPhysical({ dir, manifest }, options), end: () => undefined }
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
  const progress = createProgress(options.terminal, 'restore', 'compressed rows restored', bytes)
  return { source: filesOf(dir, manifest, progress.add), end: progress.end }
}

/** @throws Error when services have changed the existing data: users erased meanwhile would be restored */
async function requireUnchanged(
  sites: Sites,
  urls: DatabaseTargets,
  before: Tombstones | undefined,
): Promise<void> {
  for (const name of databaseNames) await sites[name].requireIdle()
  // No service can run on an embedded database meanwhile.
  if (databaseNames.every((name) => urls[name] === undefined) || before === undefined) return
  const after = await exportServed(sites, before.exportedAt)
  if (JSON.stringify(after) !== JSON.stringify(before))
    throw new Error('the existing data was changed meanwhile: stop the services, and run the restore again')
}

/** Checks that both databases can be served, and prints what is kept. */
async function reportServed(sites: Sites, terminal: Terminal): Promise<void> {
  const kept: string[] = []
  for (const name of databaseNames) {
    const site = sites[name]
    const database = await site.open('')
    await migrationStatus({ url: database.url, ...schemas[name] }).finally(() => database.stop())
    terminal.line('restored', `${site.describe('')} is in place`)
    kept.push(
      ...[...(await site.stages())].filter((stage) => stage.startsWith('replaced_')).map(site.describe),
    )
  }
  if (kept.length > 0)
    terminal.line(
      'replaced',
      `kept until a start has succeeded: ${kept.join(', ')}. To go back to them: restore --undo`,
    )
}
