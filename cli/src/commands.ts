import type { Argument, Option } from 'commander'
import { options, parameters } from './options.ts'

export interface CommandDefinition {
  /** The words that select it. */
  readonly name: string
  readonly summary: string
  readonly options?: readonly Option[]
  readonly parameters?: readonly Argument[]
  /** The message when a signal interrupted it. */
  readonly interrupted?: string
  /**
   * Imports the command, so that nothing else is loaded. It takes a {@link CommandContext} with its options.
   */
  readonly load: () => Promise<(options: never) => Promise<number>>
}

/** Words with subcommands. */
export const groups: Readonly<Record<string, string>> = {
  rotate: 'replace keys',
  erasures: 'carry erasures over to restored databases',
  import: 'take over data of other systems',
  export: 'write data to files',
  audit: 'maintain the audit logs',
}

const unchanged = 'interrupted; nothing was changed'
const resumable = 'interrupted; run it again to continue'

export const commands: readonly CommandDefinition[] = [
  {
    name: 'start',
    summary: 'start databases and services, and run until a signal stops them',
    options: [options.logs, options.tlsName],
    load: async () => (await import('./start.ts')).runStart,
  },
  {
    name: 'demo',
    summary: 'start everything on a data directory of its own, with two shops that do not exist',
    load: async () => (await import('./demo/command.ts')).runDemo,
  },
  {
    name: 'migrate',
    summary: 'bring the schemas of both databases up to date, or report whether they are',
    parameters: [parameters.migrateStep],
    interrupted: resumable,
    load: async () => (await import('./migrate/migrate.ts')).runMigrate,
  },
  {
    name: 'backup',
    summary: 'back up the rows of both databases, and the data keys of users to another directory',
    options: [options.backupTo, options.keysTo, options.notStopped],
    interrupted: unchanged,
    load: async () => (await import('./backup/command.ts')).runBackup,
  },
  {
    name: 'restore',
    summary: 'restore databases from a backup; users erased since stay erased',
    options: [
      options.backupFrom,
      options.keysFrom,
      options.tombstones,
      options.force,
      options.ignoreReplaced,
      options.withoutMasterKey,
      options.unverified,
      options.undo,
      options.stop,
    ],
    interrupted: unchanged,
    load: async () => (await import('./restore/command.ts')).runRestore,
  },
  {
    name: 'verify',
    summary: 'recount all events and check all users; exit status 1 on a difference',
    load: async () => (await import('./verify/verify.ts')).runVerify,
  },
  {
    name: 'rotate master-key',
    summary: 'wrap every key with a new master key',
    interrupted: resumable,
    load: async () => (await import('./rotate/command.ts')).runRotateMasterKey,
  },
  {
    name: 'rotate signing-key',
    summary: 'sign tokens with a new key',
    options: [options.compromised],
    interrupted: resumable,
    load: async () => (await import('./rotate/command.ts')).runRotateSigningKey,
  },
  {
    name: 'erasures export',
    summary: 'export erased users, revoked keys and blocked stores',
    options: [options.exportTo],
    interrupted: unchanged,
    load: async () => (await import('./tombstones/command.ts')).runExportErasures,
  },
  {
    name: 'erasures replay',
    summary: 'apply such a file to restored databases',
    options: [options.replayFrom, options.removeUnreadable],
    interrupted: resumable,
    load: async () => (await import('./tombstones/command.ts')).runReplayErasures,
  },
  {
    name: 'import legacy',
    summary: 'take over stores, API keys, users and events of the previous system; may be repeated',
    options: [
      options.legacyUsersUrl,
      options.legacyEventsUrl,
      options.legacyStoresUrl,
      options.rejectedTo,
      options.dryRun,
    ],
    interrupted: resumable,
    load: async () => (await import('./import/legacy/command.ts')).runImportLegacy,
  },
  {
    name: 'import events',
    summary: 'send events of a file to a gateway, with USER_STATS_URL and USER_STATS_KEY; may be repeated',
    parameters: [parameters.eventsFrom],
    options: [options.map, options.preset, options.rejectedEventsTo],
    interrupted: resumable,
    load: async () => (await import('./import/events/command.ts')).runImportEvents,
  },
  {
    name: 'export events',
    summary: 'write the events of a store to a file, with USER_STATS_URL and USER_STATS_KEY',
    parameters: [parameters.eventsTo],
    options: [options.exportFrom, options.exportUntil, options.exportStoreId],
    interrupted: 'interrupted; the file is not complete',
    load: async () => (await import('./export/events.ts')).runExportEvents,
  },
  {
    name: 'audit prune',
    summary: 'delete old entries of both audit logs',
    parameters: [parameters.days],
    interrupted: resumable,
    load: async () => (await import('./audit-log/prune.ts')).runPruneAuditLogs,
  },
  {
    name: 'analytics-cache',
    summary: 'copy the events of closed days into columns for large analyses, or delete such copies',
    parameters: [parameters.cacheStep],
    interrupted: resumable,
    load: async () => (await import('./analytics-cache/command.ts')).runAnalyticsCache,
  },
  {
    name: 'init-secrets',
    summary: 'create the secrets of the containers, or replace their master key',
    parameters: [parameters.secretsFolder, parameters.secretsStep],
    load: async () => (await import('./containers/secrets.ts')).runInitSecrets,
  },
]
