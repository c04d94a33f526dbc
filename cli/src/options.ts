import { Argument, InvalidArgumentError, Option } from 'commander'

/** Options and arguments of all commands. Commands receive them by name, in camel case. */

function requireText(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('Expected a path.')
  return text
}

const path = (flags: string, description: string) => new Option(flags, description).argParser(requireText)

/** A database of the previous system. Without a password in it, PGPASSWORD is used. */
const legacyUrl = (flags: string, description: string) =>
  new Option(flags, description).argParser((text) => {
    if (!/^postgres(?:ql)?:$/.test(URL.parse(text)?.protocol ?? ''))
      throw new InvalidArgumentError('Expected postgresql://user:password@host:port/database.')
    return text
  })

export const options = {
  logs: new Option(
    '--logs <destination>',
    'file writes the logs of the services to DATA_DIR/logs, stdout to standard output',
  )
    .choices(['file', 'stdout'])
    .default('file'),
  tlsName: new Option(
    '--tls-name <host>',
    'host in the certificate by which the services reach each other (default: the address they listen on)',
  ),
  backupTo: path('--to <directory>', 'directory of backups (default: DATA_DIR with "-backups" after it)'),
  keysTo: path(
    '--keys-to <directory>',
    'directory of the backups of data keys (default: DATA_DIR with "-key-backups" after it)',
  ),
  notStopped: new Option('--stop', 'no effect: the system may run meanwhile'),
  stop: new Option('--stop', 'stop the system that runs on DATA_DIR first'),
  backupFrom: path('--from <directory>', 'a backup, or a directory of backups, the latest of which is used'),
  keysFrom: path(
    '--keys-from <directory>',
    'directory of the backups of data keys (default: DATA_DIR with "-key-backups" after it)',
  ),
  tombstones: new Option(
    '--tombstones <file...>',
    'files of "erasures export": users in them are erased again',
  ),
  force: new Option('--force', 'replace the existing databases; they are kept until a start has succeeded'),
  ignoreReplaced: new Option(
    '--ignore-replaced',
    'with --force: continue if the existing data cannot be read, and lose the erasures recorded in it',
  ),
  withoutMasterKey: new Option(
    '--without-master-key',
    'restore without the master key that opens the backup; nothing starts before it is available',
  ),
  unverified: new Option('--unverified', 'restore even if the result does not pass verification'),
  undo: new Option('--undo', 'undo the latest restore: return to the databases it replaced'),
  removeUnreadable: new Option(
    '--remove-unreadable',
    'delete users without a data key, when no backup of data keys contains theirs',
  ),
  compromised: new Option('--compromised', 'reject tokens signed with earlier keys from now on'),
  legacyUsersUrl: legacyUrl('--users-url <url>', 'database with the table "user"').makeOptionMandatory(),
  legacyEventsUrl: legacyUrl('--events-url <url>', 'database with the table events (default: that of users)'),
  legacyStoresUrl: legacyUrl(
    '--stores-url <url>',
    'database with the tables consumers and api_keys (default: that of users)',
  ),
  rejectedTo: path('--rejected <file>', 'file for what cannot be taken over, with reasons').default(
    'import-legacy-rejected.ndjson',
  ),
  dryRun: new Option('--dry-run', 'read and report everything, write nothing but that file'),
  map: new Option(
    '--map <mapping>',
    "columns of the file by members of events: type=event,user_id=distinct_id,occurred_at=timestamp,data.price=properties.price; type='purchase' is the same for all",
  ),
  preset: new Option('--preset <name>', 'the mapping of an export of another system').choices([
    'ga4',
    'posthog',
    'umami',
    'matomo',
  ]),
  rejectedEventsTo: path('--rejected <file>', 'file for events that are rejected, with reasons').default(
    'import-events-rejected.ndjson',
  ),
  exportFrom: new Option('--from <instant>', 'the first instant, such as 2026-11-01T00:00:00Z'),
  exportUntil: new Option('--until <instant>', 'the instant after the last'),
  exportStoreId: new Option('--store-id <id>', 'the store, with the key of an administrator').argParser(
    (text) => {
      if (!/^[1-9]\d{0,9}$/.test(text)) throw new InvalidArgumentError('Expected the id of a store.')
      return Number(text)
    },
  ),
  exportTo: path('--to <file>', 'file to write').makeOptionMandatory(),
  replayFrom: path('--from <file>', 'a file of "erasures export"').makeOptionMandatory(),
} as const

export const parameters = {
  eventsFrom: new Argument(
    '<file>',
    'a file of events: .csv, .ndjson, .jsonl or .json, also with .gz',
  ).argParser(requireText),
  eventsTo: new Argument('<file>', 'the file to write: .ndjson, .jsonl or .csv').argParser(requireText),
  migrateStep: new Argument(
    '[step]',
    'deploy applies pending migrations, with *_ADMIN_URL after creating databases and roles; status lists migrations, with exit status 1 if one is pending or failed',
  )
    .choices(['deploy', 'status'])
    .default('deploy'),
  days: new Argument('<days>', 'days for which entries are kept').argParser((text) => {
    if (!/^[1-9]\d{0,4}$/.test(text))
      throw new InvalidArgumentError('Expected a number of days from 1 to 99999.')
    return Number(text)
  }),
  cacheStep: new Argument('<step>', 'build or drop').choices(['build', 'drop']),
  secretsFolder: new Argument('<folder>', 'folder of the secrets').argParser(requireText),
  secretsStep: new Argument(
    '[step]',
    'make creates what is missing; the others are run before and after "rotate master-key"',
  )
    .default('make')
    .choices(['make', 'new-master-key', 'retire-old-master-key']),
} as const
