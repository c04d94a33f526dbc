import { mkdir, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { discardHome } from '@user-stats/postgres'
import { openEventsDatabase } from '@user-stats/prisma-events'
import { openUsersDatabase } from '@user-stats/prisma-users'
import type { CommandContext } from '../command-context.ts'
import { copyBoth } from '../backup/copy.ts'
import { readBackupEnv } from '../backup/env.ts'
import { stampOf } from '../backup/folder.ts'
import { holdDataDir } from '../backup/hold.ts'
import { checkFiles } from '../backup/manifest.ts'
import { progressOf } from '../backup/progress.ts'
import { databasesIn, startClusters } from '../databases/clusters.ts'
import { deploy } from '../databases/database.ts'
import { openDatabases } from '../databases/open.ts'
import { databaseNames } from '../databases/schemas.ts'
import { beginSwap, endSwap, finishSwap, isSwapping } from '../databases/swap.ts'
import type { Terminal } from '../terminal.ts'
import { replayTombstones, type Replayed } from '../tombstones/replay.ts'
import { endRestore, reportReplayed } from '../tombstones/restored.ts'
import type { Tombstones } from '../tombstones/file.ts'
import { reportVerification } from '../verify/report.ts'
import { chooseBackup } from './choose.ts'
import { importDataKeys } from './data-keys.ts'
import { sayMasterKeys } from './master-key.ts'
import { gatherTombstones } from './tombstones.ts'

const draft = 'restoring-'

export interface RestoreOptions {
  readonly from: string
  readonly keysFrom?: string
  readonly tombstones?: readonly string[]
  /** Whether the system that runs on the data directory is stopped first. */
  readonly stop?: boolean
  /** Whether data that is there is replaced. */
  readonly force?: boolean
  /** Whether what was erased since is lost when the data to be replaced cannot be read. */
  readonly ignoreReplaced?: boolean
}

/**
 * Builds both databases anew from a backup and a backup of data keys, erases in them whoever was erased since, checks
 * them, and only then puts them in the place of what was there. Killed midway, it leaves what was there; or goes on,
 * run again, once it has begun to exchange them.
 *
 * @returns the exit status: 1 when it is done, but the data is not as it should be
 * @throws Error in one line for the operator
 */
export async function runRestore(options: CommandContext & RestoreOptions): Promise<number> {
  const { env, terminal, signal, clock = () => new Date(), stop = false } = options
  const { dataDir } = readBackupEnv(env)
  await using undo = new AsyncDisposableStack()
  const hold = async () => undo.use(await holdDataDir({ dataDir, stop, terminal, signal }))
  if (isSwapping(dataDir)) {
    await hold()
    terminal.line('restore', 'going on with a restore that was interrupted')
    await settle(dataDir, terminal)
    return 0
  }
  const chosen = await chooseBackup(
    path.resolve(options.from),
    path.resolve(options.keysFrom ?? `${dataDir}-key-backups`),
  )
  await hold()
  await removeDrafts(dataDir)
  const present = databasesIn(dataDir)
  if (present.length > 0 && options.force !== true)
    throw new Error(`${dataDir} has data already. Choose another DATA_DIR, or replace it with --force.`)

  await check(chosen.backup.dir, chosen.backup.manifest, terminal, 'backup')
  await check(chosen.keys.dir, chosen.keys.manifest, terminal, 'keys')
  signal?.throwIfAborted()
  const tombstones = await gatherTombstones({
    chosen,
    files: (options.tombstones ?? []).map((file) => path.resolve(file)),
    replaced: present.length > 0 ? dataDir : undefined,
    ignoreReplaced: options.ignoreReplaced ?? false,
    terminal,
    clock,
  })

  const stamp = stampOf(clock())
  const restored = `${draft}${stamp}`
  const building = path.join(dataDir, restored)
  await mkdir(building, { mode: 0o711 })
  undo.defer(() => removeDrafts(dataDir))
  await copyBoth({
    homes: { users: path.join(chosen.backup.dir, 'users'), events: path.join(chosen.backup.dir, 'events') },
    to: building,
    step: 'restore',
    terminal,
    signal,
  })
  const fine = await rebuild(building, {
    keysDir: chosen.keys.dir,
    createdAt: chosen.backup.manifest.createdAt,
    tombstones,
    terminal,
    clock,
  })
  signal?.throwIfAborted()

  await beginSwap(dataDir, { restored, replaced: `replaced-${stamp}` })
  await settle(dataDir, terminal)
  sayMasterKeys(dataDir, env, chosen, terminal)
  terminal.line(
    'done',
    fine
      ? `${dataDir} is as it was on ${chosen.backup.manifest.createdAt}`
      : 'restored, but something is wrong, see above',
  )
  return fine ? 0 : 1
}

async function check(
  dir: string,
  manifest: Parameters<typeof checkFiles>[1],
  terminal: Terminal,
  what: string,
): Promise<void> {
  const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0)
  await checkFiles(dir, manifest, progressOf(terminal, 'check', `${what} read`, bytes))
}

interface RebuildOptions {
  readonly keysDir: string
  /** Of the backup. */
  readonly createdAt: string
  readonly tombstones: readonly Tombstones[]
  readonly terminal: Terminal
  readonly clock: () => Date
}

/** Migrates the copies, puts data keys and databases together, erases whoever must stay erased, and refuses who was refused. */
async function rebuild(
  dataDir: string,
  { keysDir, createdAt, tombstones, terminal, clock }: RebuildOptions,
): Promise<boolean> {
  await using undo = new AsyncDisposableStack()
  const databases = await openDatabases({
    env: { dataDir, databases: { users: undefined, events: undefined } },
    needed: databaseNames,
    terminal,
    durable: true,
    undo,
  })
  for (const database of Object.values(databases)) await deploy(database)
  const pooled = { maxConnections: 4, statementTimeout: 24 * 3_600_000 }
  const users = openUsersDatabase({ url: databases.users.ownerUrl, ...pooled })
  undo.defer(() => users.close())
  const events = openEventsDatabase({ url: databases.events.ownerUrl, ...pooled })
  undo.defer(() => events.close())
  const pools = { users: users.pool, events: events.pool }

  const options = { command: 'restore', clock }
  const { restored, removed } = await importDataKeys(pools, keysDir, options)
  terminal.line('keys', `${String(restored)} data keys given back`)
  if (removed > 0)
    terminal.line('erased', `${String(removed)} users without a data key: they were deleted since`)
  const replayed: Replayed[] = []
  for (const some of tombstones) replayed.push(await replayTombstones(pools, some, options))
  const { erasures } = reportReplayed(replayed, terminal)
  await endRestore(pools, { ...options, terminal, instant: createdAt, erasures })
  return await reportVerification(pools, terminal, clock)
}

/** Exchanges the databases, sees that the new ones start where they are now, and removes those replaced. */
async function settle(dataDir: string, terminal: Terminal): Promise<void> {
  const swap = await finishSwap(dataDir)
  const clusters = await startClusters({ dataDir })
  await clusters.stop()
  await endSwap(dataDir, swap)
  terminal.line('restored', 'both databases are in place')
}

/** What restores that were killed left behind. */
async function removeDrafts(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir))
    if (name.startsWith(draft)) {
      for (const database of databaseNames) await discardHome(path.join(dataDir, name), database)
      await rm(path.join(dataDir, name), { recursive: true, force: true })
    }
}
