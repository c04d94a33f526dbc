import { checkVariables, EnvError, type RawEnv, type Values, type Variable } from './read-variables.ts'
import { graphLimitsOf, graphVariables } from './graph-limits.ts'
import { metricsVariables } from './metrics.ts'
import { parsers } from './parsers.ts'
import { rateLimitsOf, rateVariables } from './rate-limits.ts'
import { tlsVariables } from './tls-variables.ts'
import { readTls, tlsFaults } from './tls.ts'

/** Variables every service has. */
export const commonVariables = {
  HOST: { schema: parsers.host('127.0.0.1'), about: 'Address to listen on.', default: '127.0.0.1' },
  ...tlsVariables,
  ...metricsVariables,
  LOG_LEVEL: {
    schema: parsers.choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
    about: 'Least severe log lines to write: fatal, error, warn, info, debug, trace, silent.',
    default: 'info',
  },
  LOG_REQUESTS: {
    schema: parsers.flag(false),
    about:
      'Whether each request is logged (at `info`): method, route, status, milliseconds, key and store. Errors of callers are summed up per key and minute, and server errors logged, in any case.',
    default: 'false',
  },
  REQUEST_TIMEOUT_MS: {
    schema: parsers.integer(100, 600_000, 20_000),
    about:
      'Timeout of a request in milliseconds. A subgraph request has three quarters of it, an analysis (eventSeries, funnel, retention) half of it, a database statement three fifths of it (1 to 12 s).',
    default: '20000',
  },
  ...graphVariables,
  ...rateVariables,
  SHUTDOWN_DELAY_MS: {
    schema: parsers.integer(0, 600_000, 0),
    about:
      'Milliseconds to keep serving after SIGTERM while readiness reports 503, for load balancers to notice.',
    default: '0',
  },
  FAST_PATH: {
    schema: parsers.choice(['true', 'false', 'always'], 'true'),
    about:
      'Whether a faster engine than Apollo Server executes operations that were requested before (packages/fast-path); `always`: from the first request on.',
    onlyTests: true,
  },
  CORS_ORIGINS: {
    schema: parsers.origins(),
    about:
      'Origins whose pages may call the services, separated by commas: `https://shop.example,https://www.shop.example`.',
    default: '(none)',
  },
} as const satisfies Record<string, Variable>

/**
 * Parses the variables of a service, and validates those that depend on each other.
 *
 * @param check reports further faults
 * @throws EnvError with all faults
 */
export function readServiceVariables<V extends Record<string, Variable>>(
  variables: V,
  raw: RawEnv,
  check: () => readonly string[] = () => [],
): Values<V> {
  const { values, faults } = checkVariables(variables, raw)
  const all = new Set([...faults, ...tlsFaults(raw), ...check()])
  if (all.size > 0) throw new EnvError([...all])
  return values as Values<V>
}

/**
 * The settings that all services derive from them. Limits are the gateway's; subgraphs allow more.
 */
export const commonEnvOf = (env: Values<typeof commonVariables>, raw: RawEnv) => ({
  requestTimeout: env.REQUEST_TIMEOUT_MS,
  rates: rateLimitsOf(env),
  trustProxy: env.TRUST_PROXY,
  graph: graphLimitsOf(env),
  shutdownDelay: env.SHUTDOWN_DELAY_MS,
  corsOrigins: env.CORS_ORIGINS,
  tls: readTls(raw),
  fastPath: env.FAST_PATH,
  logLevel: env.LOG_LEVEL,
  logRequests: env.LOG_REQUESTS,
})
