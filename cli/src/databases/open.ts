import type { StackEnv } from '../env.ts'
import { rolePasswords } from '../secrets.ts'
import type { Terminal } from '../terminal.ts'
import { externalDatabase, type Database } from './database.ts'
import { startEmbeddedDatabase } from './embedded.ts'
import { embeddedSite, removeDrafts } from './embedded-site.ts'
import type { DatabaseName } from './schemas.ts'
import { requireNoSwitch } from './switch.ts'

export interface OpenOptions {
  readonly env: Pick<StackEnv, 'dataDir' | 'databases'>
  readonly needed: readonly DatabaseName[]
  readonly terminal: Terminal
  readonly durable: boolean
  /** Collects databases to stop at the end. */
  readonly undo: AsyncDisposableStack
  readonly signal?: AbortSignal | undefined
}

/**
 * Starts embedded databases concurrently, and uses the others as given.
 *
 * @throws the signal's reason when it is aborted
 */
export async function openDatabases({ env, needed, terminal, durable, undo, signal }: OpenOptions) {
  await prepareEmbedded(env, needed)
  // Without an embedded database there may be no data directory of ours.
  let passwords: ReturnType<typeof rolePasswords> | undefined
  const open = async (name: DatabaseName): Promise<Database> => {
    const urls = env.databases[name]
    if (urls) {
      const { hostname, port, pathname } = new URL(urls.serving)
      terminal.line('database', `${name}: ${hostname}:${port || '5432'}${pathname}`)
      return externalDatabase(name, urls)
    }
    passwords ??= rolePasswords(env.dataDir)
    return startEmbeddedDatabase({
      name,
      dataDir: env.dataDir,
      passwords: (await passwords)[name],
      durable,
      signal,
      log: (message) => {
        terminal.line('database', `${name}: ${message}`)
      },
    })
  }
  const opened = await Promise.allSettled(needed.map(open))
  const databases = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  undo.defer(async () => {
    await Promise.all(databases.map((database) => database.stop()))
    if (databases.some(({ embedded }) => embedded)) terminal.line('stopped', 'databases')
  })
  for (const result of opened) if (result.status === 'rejected') throw result.reason
  signal?.throwIfAborted()
  return Object.fromEntries(databases.map((database) => [database.name, database])) as Record<
    DatabaseName,
    Database
  >
}

/** Refuses to start in the middle of a restore's switch; removes leftovers of interrupted restores. */
async function prepareEmbedded({ dataDir, databases }: OpenOptions['env'], needed: readonly DatabaseName[]) {
  const embedded = needed.filter((name) => !databases[name])
  if (embedded.length === 0) return
  // The state is recorded with the users database, wherever it is.
  const names = databases.users ? embedded : (['users', ...embedded] as const)
  for (const name of new Set(names)) await requireNoSwitch(embeddedSite(name, dataDir))
  if (!databases.users) for (const name of embedded) await removeDrafts(dataDir, name)
}
