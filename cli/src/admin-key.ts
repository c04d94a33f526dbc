import { existsSync } from 'node:fs'
import path from 'node:path'
import { openUsersDatabase } from '@user-stats/prisma-users'
import type { Database } from './databases/database.ts'
import type { StackEnv } from './env.ts'
import { previousMasterKeyOf } from './master-key.ts'
import { keepAdminKey, keepMasterKey } from './secrets.ts'
import type { Terminal } from './terminal.ts'

export interface Secrets {
  /** Undefined when the operator gives it. */
  readonly masterKey: string | undefined
  /** The master key before, while it is being replaced. */
  readonly previousMasterKey: string | undefined
  readonly adminApiKey: string | undefined
}

/** What the users service needs and the operator has not given: generated at the first start, kept in DATA_DIR. */
export async function secretsOf(env: StackEnv, users: Database, terminal: Terminal): Promise<Secrets> {
  const { dataDir, given } = env
  const masterKey = given.masterKey ? undefined : await keepMasterKey(dataDir)
  if (masterKey?.created)
    terminal.line('secrets', `master key created in ${masterKey.file}: keep a copy elsewhere`)
  // With a key of the operator's own the one before is the operator's, too.
  const previousMasterKey = given.masterKey ? undefined : await previousMasterKeyOf(dataDir)
  if (previousMasterKey !== undefined)
    terminal.line('secrets', 'the master key is being replaced: npm run rotate:master-key goes on with it')
  const adminApiKey = given.adminApiKey ? undefined : await adminKey(dataDir, users, terminal)
  return { masterKey: masterKey?.text, previousMasterKey, adminApiKey }
}

async function adminKey(dataDir: string, users: Database, terminal: Terminal): Promise<string | undefined> {
  // One whose file was taken elsewhere, or that another machine made, works on: a second one would be ignored.
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
