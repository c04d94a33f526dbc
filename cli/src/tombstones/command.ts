import path from 'node:path'
import { openEventsDatabase } from '@user-stats/prisma-events'
import { openUsersDatabase } from '@user-stats/prisma-users'
import { createErasureReplay } from '@user-stats/users/erasure-replay'
import type { RawEnv } from '@user-stats/config'
import type { CommandContext } from '../command-context.ts'
import { reachDatabases } from '../databases/reach.ts'
import { readMigrateEnv } from '../migrate/env.ts'
import type { Terminal } from '../terminal.ts'
import { verifyUsers } from '../verify/users.ts'
import { exportTombstones } from './export.ts'
import { readTombstones, writeTombstones } from './file.ts'
import { readInstallation } from './installation.ts'
import type { Pools, ReplayOptions } from './pools.ts'
import { replayTombstones } from './replay.ts'
import { endRestore, reportReplayed } from './restored.ts'

async function openPools(raw: RawEnv, terminal: Terminal, undo: AsyncDisposableStack): Promise<Pools> {
  const urls = await reachDatabases(readMigrateEnv(raw), terminal, undo)
  const pooled = { maxConnections: 4, statementTimeout: 24 * 3_600_000 }
  const users = openUsersDatabase({ url: urls.users, ...pooled })
  undo.defer(() => users.close())
  const events = openEventsDatabase({ url: urls.events, ...pooled })
  undo.defer(() => events.close())
  return { users: users.pool, events: events.pool }
}

/**
 * Exports erased users, revoked keys and blocked stores, to be applied to a restored backup. The stack may
 * run.
 *
 * @throws Error with a one-line message, also when the file exists
 */
export async function runExportErasures({
  to,
  env,
  terminal,
  clock = () => new Date(),
}: CommandContext & { readonly to: string }): Promise<number> {
  const file = path.resolve(to)
  await using undo = new AsyncDisposableStack()
  const { users, events } = await openPools(env, terminal, undo)
  // Before the first read: erasures made meanwhile are in the next export for certain.
  const exportedAt = clock().toISOString()
  const tombstones = await exportTombstones(users, events, { exportedAt })
  await writeTombstones(file, tombstones)
  terminal.line('done', `${file}: ${String(tombstones.erasures.length)} erasures up to ${exportedAt}`)
  return 0
}

export interface ReplayErasuresOptions {
  readonly from: string
  /** Whether to delete users without a data key, whose data nobody can read. */
  readonly removeUnreadable?: boolean
}

/**
 * Applies a file of tombstones to databases that were restored by other means: erases users again, revokes
 * keys and blocks stores again, and rejects all earlier tokens. Idempotent. No service should run before it
 * is done.
 *
 * @returns the exit status: 1 when there are users without a data key
 * @throws Error with a one-line message
 */
export async function runReplayErasures({
  from,
  removeUnreadable = false,
  env,
  terminal,
  signal,
  clock = () => new Date(),
}: CommandContext & ReplayErasuresOptions): Promise<number> {
  const file = path.resolve(from)
  const tombstones = await readTombstones(file)
  await using undo = new AsyncDisposableStack()
  const pools = await openPools(env, terminal, undo)
  const installation = await readInstallation(pools.users)
  if (installation === undefined)
    throw new Error('no users service has ever started on these databases: restore them first')
  if (tombstones.installation !== installation)
    throw new Error(`${file} is of another installation than these databases: it would erase others`)
  const options = { command: 'replay-erasures', clock }
  const { erasures } = reportReplayed([await replayTombstones(pools, tombstones, options, signal)], terminal)
  const unreadable = await handleUnreadable(pools, removeUnreadable, options, terminal)
  await endRestore(pools, { ...options, terminal, instant: tombstones.exportedAt, erasures })
  terminal.line('done', `erasures, revocations and blocks until ${tombstones.exportedAt} are applied`)
  return unreadable === 0 ? 0 : 1
}

/**
 * Only the operator knows whether missing data keys are lost for good. @returns the number of users left
 * without one
 */
async function handleUnreadable(
  pools: Pools,
  remove: boolean,
  options: ReplayOptions,
  terminal: Terminal,
): Promise<number> {
  if (remove) {
    const removed = await createErasureReplay({ pool: pools.users, ...options }).removeUnpaired()
    terminal.line('erased', `${String(removed)} users without a data key`)
    return 0
  }
  const { withoutKey } = await verifyUsers(pools.users)
  if (withoutKey > 0)
    terminal.line(
      'wrong',
      `${String(withoutKey)} users without a data key: restore the newest data keys and run this again. ` +
        'If they have none because they were erased, delete them with --remove-unreadable',
    )
  return withoutKey
}
