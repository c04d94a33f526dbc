import { existsSync } from 'node:fs'
import path from 'node:path'
import { DataDirInUseError, lockDataDir } from '@user-stats/postgres'
import type { CommandContext } from '../command-context.ts'
import { deploy, prepareExternal, type Database } from '../databases/database.ts'
import { runningOwnerUrl } from '../databases/embedded.ts'
import { openDatabases } from '../databases/open.ts'
import { databaseNames, type DatabaseName } from '../databases/schemas.ts'
import { rolePasswords } from '../secrets.ts'
import type { Terminal } from '../terminal.ts'
import { readMigrateEnv } from './env.ts'
import { reportStatus } from './status.ts'

type Env = ReturnType<typeof readMigrateEnv>

/**
 * `deploy` applies what is pending in both databases; with an administrator's URL it first creates the database and
 * its roles. `status` reports what is applied and changes nothing.
 *
 * @returns the exit status: 1 when `status` finds anything that is not applied or not as it should be
 * @throws Error in one line for the operator
 */
export async function runMigrate({
  step = 'deploy',
  env: raw,
  terminal,
}: CommandContext & { readonly step?: 'deploy' | 'status' }): Promise<number> {
  const env = readMigrateEnv(raw)
  if (step === 'status') return (await statusOfAll(env, terminal)) ? 0 : 1
  await deployAll(env, terminal)
  return 0
}

async function deployAll(env: Env, terminal: Terminal): Promise<void> {
  for (const urls of Object.values(env.databases)) if (urls) await prepareExternal(urls)
  await using undo = new AsyncDisposableStack()
  const databases = await open(env, databaseNames, terminal, undo)
  for (const database of Object.values(databases)) {
    const applied = await deploy(database)
    const what = applied.length > 0 ? `applied ${applied.join(', ')}` : 'up to date'
    terminal.line('migrate', `${database.name}: ${what}`)
  }
}

/** @returns whether all is applied and as it should be */
async function statusOfAll(env: Env, terminal: Terminal): Promise<boolean> {
  const present = databaseNames.filter((name) => {
    const exists = env.databases[name] !== undefined || existsSync(path.join(env.dataDir, name, 'pgdata'))
    if (!exists) terminal.line('status', `${name}: no database in ${env.dataDir} yet, npm start creates it`)
    return exists
  })
  await using undo = new AsyncDisposableStack()
  const databases = await reach(env, present, terminal, undo)
  let fine = present.length === databaseNames.length
  for (const database of databases) fine = (await reportStatus(database, terminal)) && fine
  return fine
}

/** Opens databases for what a running stack may go on beside: then its own servers are asked. */
export async function reach(
  env: Env,
  names: readonly DatabaseName[],
  terminal: Terminal,
  undo: AsyncDisposableStack,
): Promise<readonly Pick<Database, 'name' | 'ownerUrl'>[]> {
  return await open(env, names, terminal, undo).then(
    (opened) => Object.values(opened),
    (error: unknown) => {
      if (error instanceof DataDirInUseError) return lookIn(env, names, error)
      throw error
    },
  )
}

/** The databases of a data directory that the running stack holds. */
async function lookIn(env: Env, names: readonly DatabaseName[], inUse: DataDirInUseError) {
  const passwords = await rolePasswords(env.dataDir)
  return Promise.all(
    names.map(async (name) => {
      const ownerUrl =
        env.databases[name]?.owner ?? (await runningOwnerUrl(env.dataDir, name, passwords[name]))
      if (ownerUrl === undefined) throw inUse
      return { name, ownerUrl }
    }),
  )
}

/** Locks the data directory only if anything in it is needed. */
async function open(
  env: Env,
  names: readonly DatabaseName[],
  terminal: Terminal,
  undo: AsyncDisposableStack,
) {
  const embedded = names.some((name) => !env.databases[name])
  if (embedded) undo.use(await lockDataDir(env.dataDir))
  return openDatabases({ env, needed: names, terminal, durable: true, undo })
}
