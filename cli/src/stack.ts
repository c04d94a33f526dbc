import { existsSync } from 'node:fs'
import path from 'node:path'
import { lockDataDir } from '@user-stats/postgres'
import type { RawEnv } from '@user-stats/config'
import { secretsOf } from './admin-key.ts'
import { deploy, type Database } from './databases/database.ts'
import { openDatabases } from './databases/open.ts'
import { removeReplaced } from './databases/replaced.ts'
import type { DatabaseName } from './databases/schemas.ts'
import { sitesOf } from './databases/sites.ts'
import { readStackEnv, type StartOptions } from './env.ts'
import { failureLines } from './failure.ts'
import { baseUrl, claimPorts } from './ports.ts'
import { definitions, type ServiceName } from './services/definitions.ts'
import { startServices, type Services } from './services/start.ts'
import { silent, type Terminal } from './terminal.ts'
import { proveTrusted } from './tls.ts'

export interface StackOptions extends StartOptions {
  /** Those to start, all by default; with the databases they use. */
  readonly services?: readonly ServiceName[]
  readonly terminal?: Terminal
  /** Cancels the start: what has been started is stopped again. */
  readonly signal?: AbortSignal
  /** Stops waiting for requests in flight while stopping. */
  readonly hurry?: AbortSignal
  /** False for throw-away data: embedded databases are faster, nothing survives a crash of the machine. */
  readonly durable?: boolean
}

export interface Stack extends AsyncDisposable {
  /** Base URLs. */
  readonly urls: Readonly<Record<ServiceName, string>>
  readonly services: Services
  readonly databases: Readonly<Record<DatabaseName, Database>>
  /** The first admin key, unless the operator deleted its file. */
  readonly adminApiKey: string | undefined
  /** Stops the gateway first, then the subgraphs, then the databases. May be called again. */
  readonly stop: () => Promise<void>
}

/**
 * Starts everything on one machine: embedded databases where no URL is given, migrations, the services. On
 * failure, stops what was started before.
 *
 * @throws Error in one line for the operator: EnvError, DataDirInUseError, DatabaseUnreachableError,
 *   MigrationError, …
 */
export async function startStack(raw: RawEnv, options: StackOptions = {}): Promise<Stack> {
  const { terminal = silent, signal, hurry, durable = true } = options
  const env = readStackEnv(raw, options)
  if (env.tls) await proveTrusted(env.tls, env.reachable, raw['NODE_EXTRA_CA_CERTS'])
  const chosen = definitions.filter(({ name }) => options.services?.includes(name) ?? true)

  await using undo = new AsyncDisposableStack()
  // Removed at a clean stop. Otherwise services may still be stopping.
  const leftBehind = existsSync(path.join(env.dataDir, 'lock.pid'))
  undo.use(await lockDataDir(env.dataDir))
  const ports = await claimPorts(
    env.host,
    chosen.map(({ name }) => [name, env.ports[name]] as const),
    { timeout: leftBehind ? 15_000 : 0, signal },
  )
  const urls = Object.fromEntries(
    chosen.map(({ name }) => [name, baseUrl(env.tls ? 'https' : 'http', env.reachable, ports[name])]),
  ) as Record<ServiceName, string>
  terminal.line('data', env.dataDir)

  signal?.throwIfAborted()
  const needed = chosen.flatMap(({ database }) => database ?? [])
  const databases = await openDatabases({ env, needed, terminal, durable, undo, signal })
  for (const database of Object.values(databases)) {
    signal?.throwIfAborted()
    const applied = await deploy(database)
    terminal.line(
      'migrate',
      `${database.name}: ${applied.length > 0 ? `applied ${applied.join(', ')}` : 'up to date'}`,
    )
  }

  signal?.throwIfAborted()
  const secrets = chosen.some(({ name }) => name === 'users')
    ? await secretsOf(env, databases.users, terminal)
    : undefined
  const services = await startServices({
    env,
    logs: options.logs ?? 'file',
    chosen,
    ports,
    urls,
    databases,
    secrets,
    terminal,
    signal,
    hurry,
    undo,
  })

  const at = (name: ServiceName) => `${name} ${urls[name]}${name === 'gateway' ? '/graphql' : ''}`
  terminal.line(
    'ready',
    (['gateway', 'users', 'events'] as const)
      .filter((name) => urls[name])
      .map(at)
      .join('  '),
  )
  // A restore's replaced databases are kept until here.
  if (chosen.length === definitions.length)
    await removeReplaced(sitesOf(env), terminal).catch((error: unknown) => {
      terminal.line('replaced', `not removed: ${failureLines(error).join('; ')}`)
    })

  const running = undo.move()
  let stopping: Promise<void> | undefined
  const stop = () => (stopping ??= running.disposeAsync())
  return { urls, services, databases, adminApiKey: secrets?.adminApiKey, stop, [Symbol.asyncDispose]: stop }
}
