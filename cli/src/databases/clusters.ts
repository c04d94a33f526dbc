import { existsSync } from 'node:fs'
import path from 'node:path'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@user-stats/postgres'
import { openEventsDatabase, type EventsDatabase } from '@user-stats/prisma-events'
import { openUsersDatabase, type UsersDatabase } from '@user-stats/prisma-users'
import { databaseNames, type DatabaseName } from './schemas.ts'

/** Both embedded servers, run for one piece of work, without services. */
export interface Clusters extends AsyncDisposable {
  readonly servers: Readonly<Record<DatabaseName, EmbeddedPostgres>>
  /** As superuser. */
  readonly users: UsersDatabase['pool']
  readonly events: EventsDatabase['pool']
  /** Cleanly: what is on disk then is all there is. */
  readonly stop: () => Promise<void>
}

export interface ClusterOptions {
  readonly dataDir: string
  readonly log?: (name: DatabaseName, message: string) => void
  readonly settings?: Readonly<Record<string, string | number>>
}

/** Whether a data directory has both databases, one of them or none. */
export const databasesIn = (dataDir: string): DatabaseName[] =>
  databaseNames.filter((name) => existsSync(path.join(dataDir, name, 'pgdata')))

/** Milliseconds. Whole tables are read. */
const statementTimeout = 24 * 3_600_000

/**
 * Starts both servers of a data directory, which the caller holds, or takes over those that a killed run left.
 *
 * @throws EmbeddedPostgresError
 */
export async function startClusters({ dataDir, log, settings }: ClusterOptions): Promise<Clusters> {
  await using undo = new AsyncDisposableStack()
  const start = async (name: DatabaseName) =>
    undo.use(
      await startEmbeddedPostgres({
        dataDir,
        name,
        ...(settings && { settings }),
        log: (message) => log?.(name, message),
      }),
    )
  const servers = { users: await start('users'), events: await start('events') }
  const users = openUsersDatabase({ url: servers.users.url('users'), maxConnections: 2, statementTimeout })
  undo.defer(() => users.close())
  const events = openEventsDatabase({
    url: servers.events.url('events'),
    maxConnections: 2,
    statementTimeout,
  })
  undo.defer(() => events.close())

  const running = undo.move()
  let stopping: Promise<void> | undefined
  const stop = () => (stopping ??= running.disposeAsync())
  return { servers, users: users.pool, events: events.pool, stop, [Symbol.asyncDispose]: stop }
}
