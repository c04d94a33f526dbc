import path from 'node:path'
import type { Secrets } from '../admin-key.ts'
import type { Database } from '../databases/database.ts'
import type { DatabaseName } from '../databases/schemas.ts'
import { portVariable, type StackEnv } from '../env.ts'
import { randomSecret } from '../secrets.ts'
import type { Terminal } from '../terminal.ts'
import { unlessAborted } from '../unless-aborted.ts'
import type { ServiceDefinition, ServiceName } from './definitions.ts'
import { environmentOf } from './environment.ts'
import { openLog, standardLog } from './logs.ts'
import { createService, type RunningService } from './service.ts'

export type Services = Readonly<Record<ServiceName, RunningService>>

export interface StartOptions {
  readonly env: StackEnv
  readonly logs: 'file' | 'stdout'
  readonly chosen: readonly ServiceDefinition[]
  readonly ports: Readonly<Record<ServiceName, number>>
  readonly urls: Readonly<Record<ServiceName, string>>
  readonly databases: Readonly<Record<DatabaseName, Database>>
  readonly secrets: Secrets | undefined
  readonly terminal: Terminal
  readonly signal: AbortSignal | undefined
  readonly hurry: AbortSignal | undefined
  /** Collects services to stop at the end. */
  readonly undo: AsyncDisposableStack
}

/** Starts the subgraphs concurrently, then the gateway; resolves when all are ready. */
export async function startServices(options: StartOptions): Promise<Services> {
  const { env, chosen, terminal, signal, hurry, undo } = options
  const set = settings(options)
  const services: RunningService[] = []
  for (const { name, main, flags, variables } of chosen) {
    const log = options.logs === 'file' ? await openLog(env.dataDir, name) : standardLog()
    undo.defer(log.close)
    const report = (text: string) => {
      terminal.line('service', text)
    }
    const childEnv = environmentOf({ name, variables }, env.raw, {
      ...set,
      METRICS_PORT: String(env.metrics[name]),
    })
    const timeouts = timeoutsFor(childEnv)
    services.push(
      createService({ name, main, flags, env: childEnv, url: options.urls[name], log, report, timeouts }),
    )
  }
  hurry?.addEventListener('abort', () => {
    for (const service of services) service.hurry()
  })

  // In the order of start; they stop in reverse order.
  for (const group of [
    services.filter(({ name }) => name !== 'gateway'),
    services.filter(({ name }) => name === 'gateway'),
  ]) {
    if (group.length === 0) continue
    signal?.throwIfAborted()
    const names = group.map(({ name }) => name).join(', ')
    undo.defer(async () => {
      await Promise.all(group.map((service) => service.stop()))
      terminal.line('stopped', names)
    })
    terminal.line('services', `starting ${names}`)
    await unlessAborted(signal, () => Promise.all(group.map((service) => service.start())))
  }
  return Object.fromEntries(services.map((service) => [service.name, service])) as Record<
    ServiceName,
    RunningService
  >
}

/** Milliseconds. A service continues for its delay, then allows requests in flight 25 s. */
const timeoutsFor = ({ SHUTDOWN_DELAY_MS: delay }: Readonly<Record<string, string>>) => ({
  start: 30_000,
  stop: 27_000 + (Number(delay) || 0),
})

/** Variables set by the stack; each service gets the ones it documents. */
function settings({
  env,
  ports,
  urls,
  databases,
  secrets,
  chosen,
}: StartOptions): Record<string, string | undefined> {
  const ofServices = chosen.flatMap(({ name }) => [
    [portVariable(name), String(ports[name])],
    [`${name.toUpperCase()}_URL`, urls[name]],
  ])
  const ofDatabases = Object.values(databases).map(({ name, url }) => [
    `${name.toUpperCase()}_DATABASE_URL`,
    url,
  ])
  return {
    ...(Object.fromEntries([...ofServices, ...ofDatabases]) as Record<string, string>),
    MASTER_KEY: secrets?.masterKey,
    MASTER_KEY_PREVIOUS: secrets?.previousMasterKey,
    // Services start together: a new secret each time suffices, unless the operator sets one.
    ...(env.raw['GATEWAY_SECRET'] === undefined &&
      env.raw['GATEWAY_SECRET_FILE'] === undefined && {
        GATEWAY_SECRET: randomSecret(),
      }),
    ADMIN_API_KEY: secrets?.adminApiKey,
    ...(env.raw['ANALYTICS_CACHE_DIR'] === undefined &&
      env.raw['ANALYTICS_CACHE_DIR_FILE'] === undefined && {
        ANALYTICS_CACHE_DIR: path.join(env.dataDir, 'analytics'),
      }),
  }
}
