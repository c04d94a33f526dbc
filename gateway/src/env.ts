import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  checkVariables,
  commonEnvOf,
  commonVariables,
  EnvError,
  gatewaySecretVariable,
  parsers,
  metricsOf,
  readServiceVariables,
  type RawEnv,
  type Variable,
} from '@user-stats/config'

export const gatewayVariables = {
  ...commonVariables,
  ...gatewaySecretVariable,
  GATEWAY_PORT: { schema: parsers.port(8000), about: 'Port of the gateway.', default: '8000' },
  USERS_URL: {
    schema: parsers.url('http://127.0.0.1:8001'),
    about: 'Base URL of the users service.',
    default: 'http://127.0.0.1:8001',
  },
  EVENTS_URL: {
    schema: parsers.url('http://127.0.0.1:8002'),
    about: 'Base URL of the events service.',
    default: 'http://127.0.0.1:8002',
  },
  SUPERGRAPH_PATH: {
    schema: parsers.file(join(import.meta.dirname, '../supergraph.graphql')),
    about:
      'File with the composed supergraph; reloaded when it changes. It may describe any graph: `<NAME>_URL` is the URL of its subgraph `<name>`, by default the one in the file.',
    default: 'gateway/supergraph.graphql',
  },
} as const satisfies Record<string, Variable>

export type GatewayEnv = ReturnType<typeof readEnv>

/** Finds the URL of a subgraph from its name and the URL in the composed file. */
export type Locate = (name: string, composedUrl: string) => string

/** @throws EnvError naming every invalid variable */
export function readEnv(raw: RawEnv) {
  const env = readServiceVariables(gatewayVariables, raw, () => subgraphUrlFaults(raw))
  return {
    ...commonEnvOf(env, raw),
    http: { host: env.HOST, port: env.GATEWAY_PORT },
    metrics: metricsOf(env, env.GATEWAY_PORT),
    gatewaySecret: env.GATEWAY_SECRET,
    users: { url: env.USERS_URL },
    supergraph: { path: env.SUPERGRAPH_PATH },
    subgraphs: {
      // What a client waits for leaves time to answer it without a subgraph.
      timeout: env.REQUEST_TIMEOUT_MS * 0.75,
      locate: createLocate(raw, { users: env.USERS_URL, events: env.EVENTS_URL }),
    },
  } as const
}

/** A base URL means `/graphql` on it; a URL with a path is the endpoint itself. */
function endpointOf(url: string): string {
  const parsed = new URL(url)
  if (parsed.pathname === '/' && parsed.search === '') parsed.pathname = '/graphql'
  return parsed.href
}

/** The variable that holds the URL of a subgraph. */
const urlVariable = (name: string): string => `${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_URL`

/** Variables with the URLs of the subgraphs that the supergraph names, other than our own. */
export function subgraphUrlVariables(raw: RawEnv): readonly string[] {
  const { values } = checkVariables({ SUPERGRAPH_PATH: gatewayVariables.SUPERGRAPH_PATH }, raw)
  if (values.SUPERGRAPH_PATH === undefined) return []
  const sdl = readFileSync(values.SUPERGRAPH_PATH, 'utf8')
  return [...sdl.matchAll(/@join__graph\(name: "([^"]+)"/g)]
    .map(([, name = '']) => urlVariable(name))
    .filter((variable) => !(variable in gatewayVariables))
}

const urlFaults = (variable: string, raw: RawEnv): readonly string[] =>
  checkVariables({ [variable]: { schema: parsers.optionalUrl(), about: 'URL of a subgraph.' } }, raw).faults

/** What is wrong with them. */
export const subgraphUrlFaults = (raw: RawEnv): readonly string[] =>
  subgraphUrlVariables(raw).flatMap((variable) => urlFaults(variable, raw))

/** Variables take precedence over the composed file. */
const createLocate =
  (raw: RawEnv, defaults: Readonly<Record<string, string>>): Locate =>
  (name, composedUrl) => {
    const variable = urlVariable(name)
    const url = (Object.hasOwn(defaults, name) ? defaults[name] : undefined) ?? raw[variable]
    if (url === undefined || url === '') return composedUrl
    // A supergraph that is loaded later may name subgraphs that were not checked at the start.
    const faults = urlFaults(variable, raw)
    if (faults.length > 0) throw new EnvError(faults)
    return endpointOf(url)
  }
