import { randomBytes } from 'node:crypto'
import { chown, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Binaries } from './binaries.ts'
import { EmbeddedPostgresError } from '../errors.ts'
import type { ServerUser } from './run.ts'
import { firstErrorLine, run } from './run.ts'

export const superuser = 'postgres'

export type Settings = Record<string, string | number>

export interface Cluster {
  pgdata: string
  logFile: string
  password: string
}

/**
 * Settings of every embedded server. Nothing a client sends may reach the server's log: statements, and
 * errors (whose messages quote values), are left out; the client receives them anyway.
 */
const base: Settings = {
  listen_addresses: '127.0.0.1',
  // No socket file: it would need a short path (107 bytes) that this user may write to.
  unix_socket_directories: '',
  max_connections: 200,
  shared_buffers: '256MB',
  work_mem: '16MB',
  maintenance_work_mem: '128MB',
  synchronous_commit: 'on',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  checkpoint_completion_target: 0.9,
  random_page_cost: 1.1,
  // Our statements are short: JIT compilation costs more than it saves.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] ',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_statement: 'none',
  log_min_duration_statement: -1,
  log_parameter_max_length: 0,
  log_parameter_max_length_on_error: 0,
  log_checkpoints: 'off',
}

/** Settings of a server with throw-away data. */
export const disposable: Settings = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  shared_buffers: '64MB',
  max_wal_size: '512MB',
  autovacuum_naptime: '1h',
}

/**
 * The cluster in `home`, initialised if there is none: UTF-8, checksums, scram, PostgreSQL's own C.UTF-8
 * locale (the same order and case rules on every machine). A kill midway leaves no half-initialised cluster
 * behind.
 */
export async function ensureCluster(
  home: string,
  binaries: Binaries,
  user: ServerUser | undefined,
  options: { durable: boolean; log: (message: string) => void; signal: AbortSignal | undefined },
): Promise<Cluster> {
  const pgdata = path.join(home, 'pgdata')
  const passwordFile = path.join(home, 'superuser-password')
  const logFile = path.join(home, 'server.log')
  const version = await readFile(path.join(pgdata, 'PG_VERSION'), 'utf8').catch(() => undefined)
  if (version === undefined) {
    options.log(`initialising PostgreSQL ${binaries.major} in ${pgdata}`)
    await writePrivate(passwordFile, randomBytes(32).toString('base64url'), user)
    await initialise(pgdata, passwordFile, binaries, user, options)
  } else if (version.trim() !== binaries.major) {
    throw new EmbeddedPostgresError(
      `${pgdata} was made by PostgreSQL ${version.trim()}, these programs are version ${binaries.major}.`,
    )
  }
  const password = await readFile(passwordFile, 'utf8').catch((cause: unknown) => {
    throw new EmbeddedPostgresError(`Cannot read the password in ${passwordFile}`, { cause })
  })
  return { pgdata, logFile, password: password.trim() }
}

async function initialise(
  pgdata: string,
  passwordFile: string,
  binaries: Binaries,
  user: ServerUser | undefined,
  { durable, signal }: { durable: boolean; signal: AbortSignal | undefined },
): Promise<void> {
  const unfinished = `${pgdata}.new`
  await rm(unfinished, { recursive: true, force: true })
  signal?.throwIfAborted()
  const finished = await run(
    binaries.initdb,
    [
      `--pgdata=${unfinished}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--data-checksums',
      ...(durable ? [] : ['--no-sync']),
    ],
    user,
    signal,
  )
  signal?.throwIfAborted()
  if (finished.code !== 0) {
    throw new EmbeddedPostgresError(
      `PostgreSQL could not be initialised in ${pgdata}: ${firstErrorLine(finished)}`,
    )
  }
  await rename(unfinished, pgdata)
  const home = await open(path.dirname(pgdata))
  await home.sync().finally(() => home.close())
}

/** Rewrites postgresql.conf: settings by ALTER SYSTEM are stored elsewhere and take precedence. */
export async function configure(
  { pgdata }: Cluster,
  user: ServerUser | undefined,
  settings: Settings,
): Promise<void> {
  const lines = Object.entries({ ...base, ...settings }).map(
    ([name, value]) => `${name} = '${String(value)}'`,
  )
  const text = `# Written at each start. Use ALTER SYSTEM for settings of your own.\n${lines.join('\n')}\n`
  await writePrivate(path.join(pgdata, 'postgresql.conf'), text, user)
}

/** Keeps one old log file, so that the logs of a server that runs for years stay bounded. */
export async function rotateLog({ logFile }: Cluster): Promise<void> {
  const size = await stat(logFile).then(
    (file) => file.size,
    () => 0,
  )
  if (size > 10 * 1024 * 1024) await rename(logFile, `${logFile}.1`)
}

/** Writes a file atomically, with mode 0600, owned by the server's user. */
async function writePrivate(file: string, text: string, user: ServerUser | undefined): Promise<void> {
  const unfinished = `${file}.new`
  await rm(unfinished, { force: true })
  await writeFile(unfinished, text, { mode: 0o600, flush: true })
  if (user) await chown(unfinished, user.uid, user.gid)
  await rename(unfinished, file)
}
