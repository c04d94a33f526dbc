import path from 'node:path'
import { eventsVariables } from '@user-stats/events/env'
import { gatewayVariables } from '@user-stats/gateway/env'
import { EnvError, kinds, readTls, readVariables, type RawEnv, type Variable } from '@user-stats/config'
import { usersVariables } from '@user-stats/users/env'
import { backupVariables } from './backup/env.ts'
import { dataDirVariable } from './data-dir.ts'
import { databaseUrls, databaseVariables } from './databases/urls.ts'
import { reachableAt } from './reachable.ts'
import { isFor } from './tls.ts'

/** What the stack itself reads, over the services' own variables. */
export const stackVariables = {
  ...dataDirVariable,
  STACK_LOGS: {
    schema: kinds.choice(['file', 'stdout'], 'file'),
    about:
      "Where the services' logs go under `npm start`: `DATA_DIR/logs/<service>.log`, or standard output.",
    default: 'file',
  },
  STACK_TLS_NAME: {
    schema: kinds.optionalText(),
    about:
      'Name of this machine that TLS_CERT is for, by which the services reach each other under `npm start`.',
    default: '(its address)',
  },
  ...databaseVariables,
  ...backupVariables,
  // Generated when unset, so not required as in the service itself.
  MASTER_KEY: { ...usersVariables.MASTER_KEY, schema: usersVariables.MASTER_KEY.schema.optional() },
} as const satisfies Record<string, Variable>

/** Every variable of `npm start`: the stack's own and those it passes on to the services. */
export const variables = {
  ...gatewayVariables,
  ...usersVariables,
  ...eventsVariables,
  ...stackVariables,
} as const satisfies Record<string, Variable>

export type StackEnv = ReturnType<typeof readStackEnv>

/**
 * Reads what the stack needs and checks what its services will read, so that a fault shows before anything starts.
 *
 * @throws EnvError naming every variable that is wrong
 */
export function readStackEnv(raw: RawEnv) {
  const env = readVariables(variables, raw)
  const ports = { gateway: env.GATEWAY_PORT, users: env.USERS_PORT, events: env.EVENTS_PORT }
  const faults = sharedPorts(ports)
  const databases = databaseUrls(env, faults)
  const tls = readTls(raw)
  const reachable = (tls && env.STACK_TLS_NAME) ?? reachableAt(env.HOST)
  if (tls && !isFor(tls, reachable))
    faults.push(
      `TLS_CERT: is not for ${reachable}, by which the services reach each other. Set STACK_TLS_NAME to a name it is for that leads to this machine.`,
    )
  if (faults.length > 0) throw new EnvError(faults)
  return {
    dataDir: path.resolve(env.DATA_DIR),
    host: env.HOST,
    tls,
    /** Address or name at which the services reach each other. */
    reachable,
    ports,
    databases,
    logs: env.STACK_LOGS,
    /** Whether the operator keeps these; else the stack generates them. */
    given: { masterKey: env.MASTER_KEY !== undefined, adminApiKey: env.ADMIN_API_KEY !== undefined },
    raw,
  } as const
}

/** Port 0 is a free one for each. */
function sharedPorts(ports: Record<string, number>): string[] {
  const entries = Object.entries(ports).filter(([, port]) => port !== 0)
  return entries.flatMap(([name, port], index) =>
    entries
      .slice(index + 1)
      .filter(([, other]) => other === port)
      .map(([other]) => `${portVariable(other)}: the same as ${portVariable(name)}, expected another port`),
  )
}

/** The variable a service's port is set with. */
export const portVariable = (service: string): string => `${service.toUpperCase()}_PORT`
