import path from 'node:path'
import { createEventImport } from '@user-stats/events/legacy-import'
import { migrationStatus } from '@user-stats/postgres'
import { openEventsDatabase } from '@user-stats/prisma-events'
import { openUsersDatabase } from '@user-stats/prisma-users'
import { createMasterKeys } from '@user-stats/users/keys'
import { createLegacyImport } from '@user-stats/users/legacy-import'
import type { RawEnv } from '@user-stats/config'
import type { CommandContext } from '../../command-context.ts'
import { reachDatabases } from '../../databases/reach.ts'
import { databaseNames, schemas } from '../../databases/schemas.ts'
import { findMasterKeys } from '../../known-master-keys.ts'
import type { Terminal } from '../../terminal.ts'
import { createRejectedFile } from '../rejected-file.ts'
import { importEvents } from './events.ts'
import { lockImport } from './lock.ts'
import { readImportEnv } from './env.ts'
import { createReport } from './report.ts'
import { openSource } from './source.ts'
import { importStores, type Target } from './stores.ts'
import { importUsers } from './users.ts'
import { compareDays } from './verify.ts'

export interface ImportLegacyOptions {
  readonly usersUrl: string
  /** Events; those of `usersUrl` by default. */
  readonly eventsUrl?: string
  /** Stores and API keys; those of `usersUrl` by default. */
  readonly storesUrl?: string
  readonly rejected?: string
  readonly dryRun?: boolean
}

const command = 'import legacy'
const pooled = { maxConnections: 8, statementTimeout: 24 * 3_600_000 }

/**
 * Imports the data of the previous system: stores, API keys, users and events, with their ids. Idempotent,
 * also after an interruption: existing data stays, new data is added. The stack and the previous system may
 * run.
 *
 * @returns the exit status: 1 when rows were rejected, or counts differ
 * @throws Error with a one-line message
 */
export async function runImportLegacy({
  usersUrl,
  eventsUrl = usersUrl,
  storesUrl = usersUrl,
  rejected = 'import-legacy-rejected.ndjson',
  dryRun = false,
  env,
  terminal,
  signal,
  clock = () => new Date(),
}: CommandContext & ImportLegacyOptions): Promise<number> {
  await using undo = new AsyncDisposableStack()
  const source = await openSource({ users: usersUrl, events: eventsUrl, stores: storesUrl }, undo)
  const target = dryRun ? undefined : await openTarget(env, terminal, undo, clock)
  const file = path.resolve(rejected)
  const report = createReport(undo.use(createRejectedFile(file)))
  const line = (text: string) => {
    terminal.line('import', text)
  }
  const consumers = await importStores(source, target, report)
  await importUsers({ source, target, consumers, report, line, signal })
  const last = await source.greatestEventId()
  const counts = await importEvents({ source, target, consumers, report, line, signal }, last, clock())
  for (const [step, text] of report.lines()) terminal.line(step, text)
  const differences = target ? await compareDays(source, target, { last, ...counts }) : []
  for (const text of differences) terminal.line('differs', text)
  if (report.rejectedCount() > 0)
    terminal.line('rejected', `${report.rejectedCount().toLocaleString('en')} rows, with reasons: ${file}`)
  terminal.line('done', resultOf(dryRun, differences.length))
  return report.rejectedCount() > 0 || differences.length > 0 ? 1 : 0
}

function resultOf(dryRun: boolean, differences: number): string {
  if (dryRun) return 'nothing was written; without --dry-run this would be'
  if (differences > 0) return 'counts differ, see above'
  return 'the events of each store and day are as many as were taken over'
}

async function openTarget(
  env: RawEnv,
  terminal: Terminal,
  undo: AsyncDisposableStack,
  clock: () => Date,
): Promise<Target> {
  const settings = readImportEnv(env)
  const keys = await findMasterKeys(settings)
  if (!keys.current)
    throw new Error(`there is no master key in ${settings.dataDir}: set MASTER_KEY, or start the stack first`)
  const urls = await reachDatabases(settings, terminal, undo)
  for (const name of databaseNames)
    if ((await migrationStatus({ url: urls[name], ...schemas[name] })).pending.length > 0)
      throw new Error(`the ${name} database is not up to date: user-stats migrate`)
  const events = openEventsDatabase({ url: urls.events, ...pooled })
  undo.defer(() => events.close())
  const users = openUsersDatabase({ url: urls.users, ...pooled })
  undo.defer(() => users.close())
  undo.use(await lockImport(urls.events))
  const [current, ...others] = keys.all.map(({ key }) => key)
  const masterKeys = createMasterKeys(current ?? keys.current.key, ...others)
  return {
    users: await createLegacyImport({ db: users, masterKeys, command, clock }),
    events: createEventImport({ db: events }),
  }
}
