import { DataDirInUseError, lockDataDir, migrationStatus } from '@user-stats/postgres'
import { runningOwnerUrl } from '../databases/embedded.ts'
import { openDatabases } from '../databases/open.ts'
import { schemas } from '../databases/schemas.ts'
import { rolePasswords } from '../secrets.ts'
import type { Terminal } from '../terminal.ts'
import type { RotateEnv } from './env.ts'

/**
 * The URL of the users database: the one given, or the embedded one, started unless it is running.
 *
 * @throws Error with a one-line message, also when the schema is not up to date
 */
export async function openUsersUrl(
  env: Pick<RotateEnv, 'dataDir' | 'databases'>,
  terminal: Terminal,
  undo: AsyncDisposableStack,
): Promise<string> {
  const url = env.databases.users?.serving ?? (await embeddedUrl(env, terminal, undo))
  await requireUpToDate(url)
  return url
}

/** @throws Error with a one-line message when migrations are pending */
export async function requireUpToDate(url: string): Promise<void> {
  if ((await migrationStatus({ url, ...schemas.users })).pending.length > 0)
    throw new Error('the users database is not up to date: npm run migrate')
}

async function embeddedUrl(
  env: Pick<RotateEnv, 'dataDir' | 'databases'>,
  terminal: Terminal,
  undo: AsyncDisposableStack,
): Promise<string> {
  try {
    undo.use(await lockDataDir(env.dataDir))
  } catch (error) {
    if (!(error instanceof DataDirInUseError)) throw error
    // The stack is running on it, and with it the server.
    const url = await runningOwnerUrl(env.dataDir, 'users', (await rolePasswords(env.dataDir)).users)
    if (url === undefined) throw error
    return url
  }
  const { users } = await openDatabases({ env, needed: ['users'], terminal, durable: true, undo })
  return users.url
}
