import { DataDirInUseError, lockDataDir } from '@user-stats/postgres'
import type { StackEnv } from '../env.ts'
import { rolePasswords } from '../secrets.ts'
import type { Terminal } from '../terminal.ts'
import { runningOwnerUrl } from './embedded.ts'
import { openDatabases } from './open.ts'
import { databaseNames, type DatabaseName } from './schemas.ts'

/**
 * URLs of both databases, as their owners: those given, or the embedded ones, started unless the stack runs on them.
 *
 * @param undo takes what is to be stopped in the end
 * @throws Error in the operator's terms
 */
export async function reachDatabases(
  env: Pick<StackEnv, 'dataDir' | 'databases'>,
  terminal: Terminal,
  undo: AsyncDisposableStack,
): Promise<Record<DatabaseName, string>> {
  const embedded = databaseNames.some((name) => !env.databases[name])
  let inUse: DataDirInUseError | undefined
  if (embedded)
    await lockDataDir(env.dataDir).then(
      (lock) => undo.use(lock),
      (error: unknown) => {
        if (!(error instanceof DataDirInUseError)) throw error
        inUse = error
      },
    )
  if (!inUse) {
    const opened = await openDatabases({ env, needed: databaseNames, terminal, durable: true, undo })
    return { users: opened.users.ownerUrl, events: opened.events.ownerUrl }
  }
  const passwords = await rolePasswords(env.dataDir)
  const urlOf = async (name: DatabaseName): Promise<string> => {
    const url = env.databases[name]?.owner ?? (await runningOwnerUrl(env.dataDir, name, passwords[name]))
    if (url === undefined) throw inUse ?? new Error(`the ${name} database is not there`)
    return url
  }
  return { users: await urlOf('users'), events: await urlOf('events') }
}
