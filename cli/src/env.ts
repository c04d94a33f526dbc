import path from 'node:path'
import { eventsVariables } from '@user-stats/events/env'
import { gatewayVariables, subgraphUrlFaults, subgraphUrlVariables } from '@user-stats/gateway/env'
import {
  checkVariables,
  EnvError,
  metricsPortBeside,
  readTls,
  readVariables,
  tlsFaults,
  type RawEnv,
  type Variable,
} from '@user-stats/config'
import { usersVariables } from '@user-stats/users/env'
import { backupVariables } from './backup/env.ts'
import { dataDirVariable } from './data-dir.ts'
import { adminVariables, databaseUrls, databaseVariables } from './databases/urls.ts'
import { reachableAt } from './reachable.ts'
import { remoteVariables } from './gateway/env.ts'
import { isFor } from './tls.ts'

/** Variables of the stack itself, in addition to those of the services. */
export const stackVariables = {
  ...dataDirVariable,
  ...databaseVariables,
  ...backupVariables,
  // Optional here, since the stack generates it when unset.
  MASTER_KEY: { ...usersVariables.MASTER_KEY, schema: usersVariables.MASTER_KEY.schema.optional() },
} as const satisfies Record<string, Variable>

/** All variables of `npm start`: the stack's own and those it passes on to the services. */
export const variables = {
  ...gatewayVariables,
  ...usersVariables,
  ...eventsVariables,
  ...stackVariables,
} as const satisfies Record<string, Variable>

/** Options of `user-stats start`. */
export interface StartOptions {
  /** Where the logs of the services go; to files of the data directory by default. */
  readonly logs?: 'file' | 'stdout'
  /** The host in the certificate by which the services reach each other; the address by default. */
  readonly tlsName?: string
}

export type StackEnv = ReturnType<typeof readStackEnv>

/**
 * Parses the stack's variables and validates those of its services, so that faults are reported before
 * anything starts.
 *
 * @throws EnvError naming every variable that is wrong
 */
export function readStackEnv(raw: RawEnv, { tlsName }: StartOptions = {}) {
  const faults = stackFaults(raw, tlsName)
  if (faults.length > 0) throw new EnvError(faults)
  const env = readVariables(variables, raw)
  const ports = { gateway: env.GATEWAY_PORT, users: env.USERS_PORT, events: env.EVENTS_PORT }
  const tls = readTls(raw)
  return {
    dataDir: path.resolve(env.DATA_DIR),
    host: env.HOST,
    tls,
    /** Address or name at which the services reach each other. */
    reachable: (tls && tlsName) ?? reachableAt(env.HOST),
    ports,
    /** Ports of the metrics servers. */
    metrics: metricsPorts(ports, env.METRICS_PORT),
    databases: databaseUrls(env, []),
    /** Whether the operator keeps these; else the stack generates them. */
    given: { masterKey: env.MASTER_KEY !== undefined, adminApiKey: env.ADMIN_API_KEY !== undefined },
    raw,
  } as const
}

/** Everything that is wrong, one line each; what only follows from another fault is left out. */
function stackFaults(raw: RawEnv, tlsName: string | undefined): readonly string[] {
  const { values, faults } = checkVariables(variables, raw)
  const wrong = new Set(faults.map(nameIn))
  const further = [
    ...sharedPorts(
      { gateway: values.GATEWAY_PORT, users: values.USERS_PORT, events: values.EVENTS_PORT },
      values.METRICS_PORT,
    ),
    ...databaseFaults(values),
    ...certificateFaults(raw, values.HOST, tlsName),
    ...subgraphUrlFaults(raw),
  ]
  return [...new Set([...faults, ...further.filter((fault) => !wrong.has(nameIn(fault)))])]
}

const nameIn = (fault: string): string => /^\w+?(?=(?:_FILE)?[: ])/.exec(fault)?.[0] ?? fault

function databaseFaults(values: Parameters<typeof databaseUrls>[0]): readonly string[] {
  const faults: string[] = []
  databaseUrls(values, faults)
  return faults
}

function certificateFaults(
  raw: RawEnv,
  host: string | undefined,
  tlsName: string | undefined,
): readonly string[] {
  const faults = tlsFaults(raw)
  if (faults.length > 0 || host === undefined) return faults
  const tls = readTls(raw)
  const reachable = tlsName ?? reachableAt(host)
  if (!tls || isFor(tls, reachable)) return []
  return [
    `TLS_CERT: is not for ${reachable}, by which the services reach each other. Name a host of the certificate that leads to this machine: user-stats start --tls-name <host>`,
  ]
}

type Ports = Readonly<Record<'gateway' | 'users' | 'events', number>>

/** Each next to its service's port, or consecutive from the first; 0 is a free port for each. */
function metricsPorts(ports: Ports, first: number | undefined): Ports {
  const at = (name: keyof Ports, place: number): number =>
    first === undefined ? metricsPortBeside(ports[name]) : first === 0 ? 0 : first + place
  return { gateway: at('gateway', 0), users: at('users', 1), events: at('events', 2) }
}

/** Port 0 is a free one for each. */
function sharedPorts(
  { gateway = 0, users = 0, events = 0 }: Readonly<Record<keyof Ports, number | undefined>>,
  firstOfMetrics: number | undefined,
): readonly string[] {
  const ports = { gateway, users, events }
  const entries = Object.entries(ports).filter(([, port]) => port !== 0)
  const sameAs = (port: number, others: readonly [string, number][]) =>
    others.filter(([, other]) => other === port).map(([name]) => portVariable(name))
  return [
    ...entries.flatMap(([name, port], index) =>
      sameAs(port, entries.slice(index + 1)).map(
        (other) => `${other}: the same as ${portVariable(name)}, expected another port`,
      ),
    ),
    ...Object.entries(metricsPorts(ports, firstOfMetrics)).flatMap(([name, port]) =>
      sameAs(port, entries).map(
        (other) => `METRICS_PORT: metrics of ${name} would be on ${other}, expected another port`,
      ),
    ),
  ]
}

/** Names of all variables of any command or service. */
export const variableNames = (raw: RawEnv): readonly string[] => [
  ...Object.keys({ ...variables, ...adminVariables, ...remoteVariables }),
  ...subgraphUrlVariables(raw),
]

/** The variable for a service's port. */
export const portVariable = (service: string): string => `${service.toUpperCase()}_PORT`
