import { DataDirInUseError, lockDataDir } from '@user-stats/postgres'
import type { StackEnv } from '../env.ts'
import { rolePasswords } from '../secrets.ts'
import type { Terminal } from '../terminal.ts'
import { runningOwnerUrl } from './embedded.ts'
import { embeddedSite } from './embedded-site.ts'
import { openDatabases } from './open.ts'
import { databaseNames, type DatabaseName } from './schemas.ts'

interface ReachOptions {
  /** Both by default. */
  readonly names?: readonly DatabaseName[]
  readonly signal?: AbortSignal | undefined
}

/**
 * URLs of databases, as their owners: those given, or the embedded ones, started unless they are running.
 * Creates no database.
 *
 * @param undo collects databases to stop at the end
 * @throws Error with a one-line message
 */
export async function reachDatabases(
  env: Pick<StackEnv, 'dataDir' | 'databases'>,
  terminal: Terminal,
  undo: AsyncDisposableStack,
  { names = databaseNames, signal }: ReachOptions = {},
): Promise<Readonly<Record<DatabaseName, string>>> {
  for (const name of names)
    if (!env.databases[name] && !(await embeddedSite(name, env.dataDir).stages()).has(''))
      throw new Error(`there is no ${name} database in ${env.dataDir}: expected another DATA_DIR, or URLs`)
  try {
    // Without an embedded database there may be no data directory of ours.
    if (names.some((name) => !env.databases[name])) undo.use(await lockDataDir(env.dataDir))
  } catch (error) {
    if (error instanceof DataDirInUseError) return urlsOfRunning(env, names, error)
    throw error
  }
  const opened = await openDatabases({ env, needed: names, terminal, durable: true, undo, signal })
  return recordOf(names, (name) => opened[name].ownerUrl)
}

/** The databases of a data directory in use by a running stack. */
async function urlsOfRunning(
  env: Pick<StackEnv, 'dataDir' | 'databases'>,
  names: readonly DatabaseName[],
  inUse: DataDirInUseError,
): Promise<Readonly<Record<DatabaseName, string>>> {
  const passwords = await rolePasswords(env.dataDir)
  const urls = new Map<DatabaseName, string>()
  for (const name of names) {
    const url = env.databases[name]?.owner ?? (await runningOwnerUrl(env.dataDir, name, passwords[name]))
    if (url === undefined) throw inUse
    urls.set(name, url)
  }
  return recordOf(names, (name) => urls.get(name) ?? '')
}

const recordOf = (names: readonly DatabaseName[], urlOf: (name: DatabaseName) => string) =>
  Object.fromEntries(names.map((name) => [name, urlOf(name)])) as Record<DatabaseName, string>
