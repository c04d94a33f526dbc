import { openEventsDatabase } from '@user-stats/prisma-events'
import { openUsersDatabase } from '@user-stats/prisma-users'
import type { CommandContext } from '../command-context.ts'
import { reachDatabases } from '../databases/reach.ts'
import { readMigrateEnv } from '../migrate/env.ts'
import { unlessAborted } from '../unless-aborted.ts'
import { reportVerification } from './report.ts'

const statementTimeout = 24 * 3_600_000

/**
 * Verifies both databases: rollups against a recount, users against their data keys. The stack may run.
 *
 * @returns the exit status: 1 when there are faults
 * @throws Error with a one-line message
 */
export async function runVerify({
  env,
  terminal,
  signal,
  clock = () => new Date(),
}: CommandContext): Promise<number> {
  await using undo = new AsyncDisposableStack()
  const urls = await reachDatabases(readMigrateEnv(env), terminal, undo, { signal })
  const users = openUsersDatabase({ url: urls.users, maxConnections: 2, statementTimeout })
  undo.defer(() => users.close())
  const events = openEventsDatabase({ url: urls.events, maxConnections: 4, statementTimeout })
  undo.defer(() => events.close())
  const fine = await unlessAborted(signal, () =>
    reportVerification({ users: users.pool, events: events.pool }, terminal, clock),
  )
  terminal.line('done', fine ? 'no faults found' : 'faults found, see above')
  return fine ? 0 : 1
}
