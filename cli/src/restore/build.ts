import { openEventsDatabase } from '@user-stats/prisma-events'
import { openUsersDatabase } from '@user-stats/prisma-users'
import { createErasureReplay } from '@user-stats/users/erasure-replay'
import { createMasterKeys, replaceMasterKey, verifyKeys } from '@user-stats/users/keys'
import { masterKeysOf } from '../backup/database-state.ts'
import type { Found } from '../backup/folder.ts'
import type { JsonKeysManifest, KeysManifest } from '../backup/manifest.ts'
import { deploy, type Database } from '../databases/database.ts'
import type { DatabaseName } from '../databases/schemas.ts'
import type { KnownKeys } from '../known-master-keys.ts'
import type { Terminal } from '../terminal.ts'
import type { Pools } from '../tombstones/pools.ts'
import { replayTombstones, type Replayed } from '../tombstones/replay.ts'
import { endRestore, reportReplayed } from '../tombstones/restored.ts'
import { reportVerification } from '../verify/report.ts'
import { copyDataKeys, insertDataKeys } from './data-keys.ts'
import { loadDatabase } from './load.ts'
import type { Source } from './source.ts'
import type { TombstoneSource } from './tombstones.ts'

export interface BuildOptions {
  readonly source: Source
  readonly keys: Found<KeysManifest | JsonKeysManifest>
  readonly tombstones: readonly TombstoneSource[]
  /** Undefined when no key opens the data. */
  readonly masterKeys: KnownKeys | undefined
  /** The time of the backup. */
  readonly createdAt: string
  /** Called when all rows are loaded. */
  readonly onLoaded: () => void
  readonly terminal: Terminal
  readonly clock: () => Date
  readonly signal?: AbortSignal | undefined
}

/**
 * Fills two new databases from a backup and a backup of data keys, repeats erasures, revocations and blocks,
 * and verifies the result.
 *
 * @returns whether the verification passed
 */
export async function buildDatabases(
  databases: Readonly<Record<DatabaseName, Database>>,
  options: BuildOptions,
): Promise<boolean> {
  const { source, keys, tombstones, masterKeys, createdAt, terminal, clock, signal } = options
  const { users, events } = databases
  await loadDatabase(users, source, signal)
  await loadDatabase(events, source, signal)
  options.onLoaded()
  const { manifest, dir } = keys
  let restored = manifest.version === 2 ? await copyDataKeys(users, { manifest, dir }) : 0
  await deploy(users)
  await deploy(events)

  await using undo = new AsyncDisposableStack()
  const pools = openPools(databases, undo)
  const replay = { command: 'restore', clock }
  if (manifest.version === 1) restored = await insertDataKeys(pools, { manifest, dir }, replay)
  const removed = await createErasureReplay({ pool: pools.users, ...replay }).removeUnpaired()
  terminal.line('keys', `${String(restored)} data keys restored`)
  if (removed > 0)
    terminal.line(
      'erased',
      `${String(removed)} users without a data key removed: they were erased after the backup`,
    )
  const replayed: Replayed[] = []
  for (const { read } of tombstones) {
    signal?.throwIfAborted()
    replayed.push(await replayTombstones(pools, await read(), replay, signal))
  }
  const { erasures } = reportReplayed(replayed, terminal)
  await endRestore(pools, { ...replay, terminal, instant: createdAt, erasures })
  if (masterKeys) await wrapWithCurrent(users, pools, masterKeys, terminal)
  signal?.throwIfAborted()

  const readable = !masterKeys || (await reportKeys(users, masterKeys, terminal))
  return (await reportVerification(pools, terminal, clock)) && readable
}

function openPools(
  { users, events }: Readonly<Record<DatabaseName, Database>>,
  undo: AsyncDisposableStack,
): Pools {
  const pooled = { maxConnections: 4, statementTimeout: 24 * 3_600_000 }
  const ofUsers = openUsersDatabase({ url: users.ownerUrl, ...pooled })
  undo.defer(() => ofUsers.close())
  const ofEvents = openEventsDatabase({ url: events.ownerUrl, ...pooled })
  undo.defer(() => ofEvents.close())
  return { users: ofUsers.pool, events: ofEvents.pool }
}

const withAll = ({ current, all }: KnownKeys) => {
  if (!current) throw new Error('there is no master key')
  return createMasterKeys(current.key, ...all.map(({ key }) => key))
}

/** After a rotation, backups are wrapped by an older key than services start with. */
async function wrapWithCurrent(
  { ownerUrl }: Database,
  { users }: Pools,
  known: KnownKeys,
  terminal: Terminal,
): Promise<void> {
  const masterKeys = withAll(known)
  const others = (await masterKeysOf(users)).filter((id) => id !== masterKeys.id)
  if (others.length === 0) return
  await replaceMasterKey({ url: ownerUrl, masterKeys })
  terminal.line('secrets', `wrapped with the master key ${masterKeys.id} in place of ${others.join(', ')}`)
}

/** @returns whether the current master key opens all personal data */
async function reportKeys({ ownerUrl }: Database, known: KnownKeys, terminal: Terminal): Promise<boolean> {
  if (!known.current) return false
  const found = await verifyKeys(ownerUrl, createMasterKeys(known.current.key))
  terminal.line('verify', `users: personal data of ${String(found.users)} opened with the master key`)
  if (found.unreadableUsers > 0)
    terminal.line('wrong', `users: personal data of ${String(found.unreadableUsers)} cannot be opened`)
  if (found.unreadableKeys > 0)
    terminal.line('wrong', `users: ${String(found.unreadableKeys)} keys of the service cannot be opened`)
  return found.unreadableUsers === 0 && found.unreadableKeys === 0
}
