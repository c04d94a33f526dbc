import { existsSync } from 'node:fs'
import path from 'node:path'
import { openUsersDatabase } from '@user-stats/prisma-users'
import { masterKeysOf } from './backup/database-state.ts'
import type { Database } from './databases/database.ts'
import type { StackEnv } from './env.ts'
import { masterKeyFile, previousMasterKeyOf } from './master-key.ts'
import { readText } from './durable-file.ts'
import { keepAdminKey, keepMasterKey } from './secrets.ts'
import type { Terminal } from './terminal.ts'

export interface Secrets {
  /** Undefined when the operator provides it. */
  readonly masterKey: string | undefined
  /** The previous master key, while it is being replaced. */
  readonly previousMasterKey: string | undefined
  readonly adminApiKey: string | undefined
}

/**
 * Secrets of the users service that the operator did not provide: generated at the first start, kept in
 * DATA_DIR.
 */
export async function secretsOf(env: StackEnv, users: Database, terminal: Terminal): Promise<Secrets> {
  const { dataDir, given } = env
  if (!given.masterKey) await requireNoOtherMasterKey(dataDir, users)
  const masterKey = given.masterKey ? undefined : await keepMasterKey(dataDir)
  if (masterKey?.created)
    terminal.line('secrets', `master key created in ${masterKey.file}: keep a copy elsewhere`)
  // An operator who provides the key also provides the previous one.
  const previousMasterKey = given.masterKey ? undefined : await previousMasterKeyOf(dataDir)
  if (previousMasterKey !== undefined)
    terminal.line('secrets', 'the master key is being replaced: npm run rotate:master-key continues it')
  const adminApiKey = given.adminApiKey ? undefined : await adminKey(dataDir, users, terminal)
  return { masterKey: masterKey?.text, previousMasterKey, adminApiKey }
}

/** @throws Error when there is no key, and a new one could not open the database */
async function requireNoOtherMasterKey(dataDir: string, { url }: Database): Promise<void> {
  const file = masterKeyFile(dataDir)
  if ((await readText(file)) !== undefined) return
  const database = openUsersDatabase({ url, maxConnections: 1 })
  const needed = await masterKeysOf(database.pool).finally(() => database.close())
  if (needed.length > 0)
    throw new Error(
      `there is no master key, and the users database needs the one with the id ${needed.join(' and ')}: ` +
        `put it into ${file} (mode 0600), or set MASTER_KEY.`,
    )
}

async function adminKey(dataDir: string, users: Database, terminal: Terminal): Promise<string | undefined> {
  // Works on if its file was moved away, or on a database created elsewhere: a second key would be ignored.
  if (!existsSync(path.join(dataDir, 'admin-api-key')) && (await hasAdminKey(users.url))) return undefined
  const { text, file, created } = await keepAdminKey(dataDir)
  if (created && terminal.interactive)
    terminal.line('secrets', `first admin key, shown once, kept in ${file}:\n\n          ${text}\n`)
  else if (created) terminal.line('secrets', `first admin key created in ${file}`)
  return text
}

async function hasAdminKey(url: string): Promise<boolean> {
  const database = openUsersDatabase({ url, maxConnections: 1 })
  try {
    return (await database.prisma.apiKey.count({ where: { role: 'ADMIN' } })) > 0
  } finally {
    await database.close()
  }
}
