import { readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Binaries } from './binaries.ts'
import { findBinaries } from './binaries.ts'
import type { Cluster, Settings } from './cluster.ts'
import { configure, disposable, ensureCluster, rotateLog, superuser } from './cluster.ts'
import { makeServerHome } from './data-dir.ts'
import { EmbeddedPostgresError } from '../errors.ts'
import { findRunning, isStopped } from './postmaster.ts'
import type { ServerUser } from './run.ts'
import { firstErrorLine, run } from './run.ts'
import { serverUser } from './server-user.ts'

export interface EmbeddedPostgresOptions {
  /** Directory of all persistent state; the server's own is `<dataDir>/<name>`. */
  dataDir: string
  /** Letters, digits, `-` and `_`. */
  name: string
  /** Called with progress messages: initialising, starting, adopting. */
  log?: (message: string) => void
  /** The port; by default a free one at each start. An adopted server keeps its port. */
  port?: number
  /** False for throw-away data: faster, nothing survives a crash of the machine. Default true. */
  durable?: boolean
  /** PostgreSQL settings that override the defaults. */
  settings?: Settings
  /** Cancels the start. A server that is already starting is awaited, and stopped again. */
  signal?: AbortSignal | undefined
}

export type EmbeddedPostgres = AsyncDisposable & {
  host: string
  port: number
  /** The real directory of the cluster, its log and its password. */
  home: string
  /** Whether a server left by an earlier run was found and adopted. */
  adopted: boolean
  superuserUrl: string
  /** A connection URL; of the superuser unless a role and its password are given. */
  url: (database: string, role?: string, password?: string) => string
  /** Stops the server: sessions end, data is flushed. Resolves when it is down; may be called again. */
  stop: () => Promise<void>
}

const host = '127.0.0.1'

/** Queries of a killed client end within a second, on systems that can detect it. */
const watchful: Settings = process.platform === 'linux' ? { client_connection_check_interval: '1s' } : {}

/**
 * Starts PostgreSQL with a cluster of its own, on loopback, initialised at the first start. The server is not
 * a child of this process: it runs until `stop`, and a later start adopts one left by a killed run. Hold
 * {@link lockDataDir} meanwhile: nothing here prevents two processes from sharing one server.
 *
 * @throws EmbeddedPostgresError with the reason in one line; the signal's reason when it is aborted
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir, name, log = () => undefined, durable = true, signal } = options
  if (!/^[\w-]+$/.test(name)) throw new EmbeddedPostgresError(`"${name}" is no name for a server`)
  const user = await serverUser(path.join(dataDir, name, 'pgdata'))
  const home = await makeServerHome(dataDir, name, user, log)
  const binaries = await findBinaries(user)
  const cluster = await ensureCluster(home, binaries, user, { durable, log, signal })

  const running = await findRunning(cluster, { signal })
  if (running !== undefined) log(`adopting the PostgreSQL server "${name}" left by an earlier run`)
  const settings = { ...watchful, ...(durable ? {} : disposable), ...options.settings }
  const port = running ?? (await start(cluster, binaries, user, settings, options.port))

  const url = (database: string, role = superuser, password = cluster.password) =>
    `postgresql://${encodeURIComponent(role)}:${encodeURIComponent(password)}@${host}:${String(port)}/${encodeURIComponent(database)}`
  let stopping: Promise<void> | undefined
  const stop = () => (stopping ??= stopServer(cluster, binaries, user))
  if (signal?.aborted === true) {
    await stop()
    signal.throwIfAborted()
  }
  return {
    host,
    port,
    home,
    adopted: running !== undefined,
    superuserUrl: url('postgres'),
    url,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** The major version of the embedded programs. @throws EmbeddedPostgresError where there are none */
export async function embeddedVersion(): Promise<string> {
  return (await findBinaries(await serverUser(''))).major
}

async function start(
  cluster: Cluster,
  binaries: Binaries,
  user: ServerUser | undefined,
  settings: Settings,
  wanted: number | undefined,
): Promise<number> {
  await rotateLog(cluster)
  for (let attempt = 1; ; attempt += 1) {
    const port = wanted ?? (await freePort())
    await configure(cluster, user, { ...settings, port })
    const before = await size(cluster.logFile)
    const args = ['start', '-D', cluster.pgdata, '-l', cluster.logFile, '-w', '-t', '300', '-s']
    const finished = await run(binaries.pgCtl, args, user)
    if (finished.code === 0) return port
    const reason = (await firstFatal(cluster.logFile, before)) ?? firstErrorLine(finished)
    // Another program took the port in between, or sessions of a killed server are still closing.
    const passing =
      (wanted === undefined && /Address already in use|TCP\/IP/.test(reason)) ||
      reason.includes('shared memory')
    if (!passing || attempt === 20) {
      throw new EmbeddedPostgresError(`PostgreSQL did not start in ${cluster.pgdata}: ${reason}`)
    }
    await delay(100 * attempt)
  }
}

async function stopServer(cluster: Cluster, binaries: Binaries, user: ServerUser | undefined): Promise<void> {
  const args = ['stop', '-D', cluster.pgdata, '-m', 'fast', '-w', '-t', '300', '-s']
  const finished = await run(binaries.pgCtl, args, user)
  // If another process stops the server meanwhile, pg_ctl fails; for us that is a success.
  if (finished.code !== 0 && !(await isStopped(cluster.pgdata))) {
    throw new EmbeddedPostgresError(
      `PostgreSQL in ${cluster.pgdata} did not stop: ${firstErrorLine(finished)}`,
    )
  }
}

/** A port that is free at this moment. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, host, () => {
      const { port } = server.address() as AddressInfo
      server.close(() => {
        resolve(port)
      })
    })
  })
}

const size = (file: string) =>
  stat(file).then(
    (found) => found.size,
    () => 0,
  )

/** The reason why a server failed to start, from the log lines since. */
async function firstFatal(logFile: string, from: number): Promise<string | undefined> {
  const text = await readFile(logFile).catch(() => Buffer.alloc(0))
  const line = text
    .subarray(from)
    .toString('utf8')
    .split('\n')
    .find((candidate) => /FATAL:|PANIC:|could not bind/.test(candidate))
  return line?.replace(/^.*?(FATAL|PANIC|LOG|WARNING):\s*/, '')
}
