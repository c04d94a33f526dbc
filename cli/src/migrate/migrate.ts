import { existsSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import path from 'node:path'
import { lockDataDir, makeDataDir } from '@user-stats/postgres'
import type { CommandContext } from '../command-context.ts'
import { deploy, prepareExternal } from '../databases/database.ts'
import { openDatabases } from '../databases/open.ts'
import { externalSite } from '../databases/external-site.ts'
import { reachDatabases } from '../databases/reach.ts'
import { databaseNames } from '../databases/schemas.ts'
import { requireNoSwitch } from '../databases/switch.ts'
import type { Terminal } from '../terminal.ts'
import { readMigrateEnv } from './env.ts'
import { reportStatus } from './status.ts'

type Env = ReturnType<typeof readMigrateEnv>

/**
 * `deploy` applies pending migrations to both databases; with an administrator's URL it first creates the
 * database and its roles. `status` reports the state and changes nothing.
 *
 * @returns the exit status: 1 when `status` finds pending or irregular migrations
 * @throws Error with a one-line message
 */
export async function runMigrate({
  step = 'deploy',
  env: raw,
  terminal,
  signal,
}: CommandContext & { readonly step?: 'deploy' | 'status' }): Promise<number> {
  const env = readMigrateEnv(raw)
  if (step === 'status') return (await statusOfAll(env, terminal, signal)) ? 0 : 1
  await deployAll(env, terminal, signal)
  return 0
}

async function deployAll(env: Env, terminal: Terminal, signal: AbortSignal | undefined): Promise<void> {
  for (const name of databaseNames) {
    const urls = env.databases[name]
    if (urls?.admin === undefined) continue
    await requireNoSwitch(externalSite(name, urls))
    await prepareExternal(urls)
  }
  await using undo = new AsyncDisposableStack()
  if (databaseNames.some((name) => !env.databases[name])) undo.use(await lockDataDir(env.dataDir))
  const databases = await openDatabases({
    env,
    needed: databaseNames,
    terminal,
    durable: true,
    undo,
    signal,
  })
  for (const database of Object.values(databases)) {
    signal?.throwIfAborted()
    const applied = await deploy(database)
    const what = applied.length > 0 ? `applied ${applied.join(', ')}` : 'up to date'
    terminal.line('migrate', `${database.name}: ${what}`)
  }
}

/** Leaves no directory behind. @throws DirectoryError, as a start does, when it could not create its data directory */
async function requireUsable(dataDir: string): Promise<void> {
  const missing: string[] = []
  for (let dir = dataDir; !existsSync(dir) && dir !== path.dirname(dir); dir = path.dirname(dir))
    missing.push(dir)
  await makeDataDir(dataDir)
  for (const dir of missing) await rmdir(dir).catch(() => undefined)
}

/** @returns whether all migrations are applied and unchanged */
async function statusOfAll(env: Env, terminal: Terminal, signal: AbortSignal | undefined): Promise<boolean> {
  if (databaseNames.some((name) => env.databases[name] === undefined)) await requireUsable(env.dataDir)
  const present = databaseNames.filter((name) => {
    const exists = env.databases[name] !== undefined || existsSync(path.join(env.dataDir, name, 'pgdata'))
    if (!exists) terminal.line('status', `${name}: no database in ${env.dataDir} yet, npm start creates it`)
    return exists
  })
  await using undo = new AsyncDisposableStack()
  const urls = await reachDatabases(env, terminal, undo, { names: present, signal })
  let fine = present.length === databaseNames.length
  for (const name of present) {
    signal?.throwIfAborted()
    fine = (await reportStatus({ name, ownerUrl: urls[name] }, terminal)) && fine
  }
  return fine
}
