import path from 'node:path'
import { openEventsDatabase } from '@user-stats/prisma-events'
import { openUsersDatabase } from '@user-stats/prisma-users'
import { createErasureReplay } from '@user-stats/users/erasure-replay'
import type { RawEnv } from '@user-stats/config'
import type { CommandContext } from '../command-context.ts'
import { reachDatabases } from '../databases/reach.ts'
import { readMigrateEnv } from '../migrate/env.ts'
import type { Terminal } from '../terminal.ts'
import { exportTombstones } from './export.ts'
import { readTombstones, writeTombstones } from './file.ts'
import type { Pools } from './pools.ts'
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

/** As backups of the embedded databases name it, so that `npm run restore` takes the file too. */
async function installationOf(users: Pools['users']): Promise<string> {
  const { rows } = await users.query<{ id: string }>(
    'SELECT system_identifier::text AS id FROM pg_control_system()',
  )
  return rows[0]?.id ?? ''
}

/**
 * Writes down who was erased, which keys were revoked and which stores blocked, to be held against a restored backup. The stack may run.
 *
 * @throws Error in one line for the operator, also when the file is there already
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
  // Before the first look: what is erased meanwhile is in the next export for certain.
  const exportedAt = clock().toISOString()
  const tombstones = await exportTombstones(users, events, {
    exportedAt,
    installation: await installationOf(users),
  })
  await writeTombstones(file, tombstones)
  terminal.line('done', `${file}: ${String(tombstones.erasures.length)} erasures up to ${exportedAt}`)
  return 0
}

/**
 * Erases in restored databases whoever is in a file of tombstones, and users whose data key was not restored, since
 * they were erased too; keys and stores that were refused are refused again, and so are all tokens. May be repeated. No service should run before it is done.
 *
 * @throws Error in one line for the operator
 */
export async function runReplayErasures({
  from,
  env,
  terminal,
  clock = () => new Date(),
}: CommandContext & { readonly from: string }): Promise<number> {
  const tombstones = await readTombstones(path.resolve(from))
  await using undo = new AsyncDisposableStack()
  const pools = await openPools(env, terminal, undo)
  const { rows } = await pools.users.query<{ users: boolean; keys: boolean }>(
    'SELECT EXISTS (SELECT FROM users) AS users, EXISTS (SELECT FROM user_keys) AS keys',
  )
  if (rows[0]?.users === true && !rows[0].keys)
    throw new Error(
      'there are users, and not one data key: restore the data keys first, for users without one are erased',
    )
  const options = { command: 'replay-erasures', clock }
  const { erasures } = reportReplayed([await replayTombstones(pools, tombstones, options)], terminal)
  const removed = await createErasureReplay({ pool: pools.users, ...options }).removeUnpaired()
  if (removed > 0) terminal.line('erased', `${String(removed)} users without a data key`)
  await endRestore(pools, { ...options, terminal, instant: tombstones.exportedAt, erasures })
  terminal.line('done', `whoever was erased, revoked or blocked by ${tombstones.exportedAt} is so`)
  return 0
}
