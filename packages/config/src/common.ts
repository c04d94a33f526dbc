import { checkVariables, EnvError, type RawEnv, type Values, type Variable } from './read-variables.ts'
import { graphLimitsOf, graphVariables } from './graph-limits.ts'
import { metricsVariables } from './metrics.ts'
import { kinds } from './parsers.ts'
import { rateLimitsOf, rateVariables } from './rate-limits.ts'
import { tlsVariables } from './tls-variables.ts'
import { readTls, tlsFaults } from './tls.ts'

/** Variables every service has. */
export const commonVariables = {
  HOST: { schema: kinds.host('127.0.0.1'), about: 'Address to listen on.', default: '127.0.0.1' },
  ...tlsVariables,
  ...metricsVariables,
  LOG_LEVEL: {
    schema: kinds.choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
    about: 'Least severe log lines to write: fatal, error, warn, info, debug, trace, silent.',
    default: 'info',
  },
  LOG_REQUESTS: {
    schema: kinds.flag(false),
    about:
      'Whether each request is logged (at `info`): method, route, status, milliseconds, key and store. Refusals are summed up per key and minute, and failures logged, in any case.',
    default: 'false',
  },
  REQUEST_TIMEOUT_MS: {
    schema: kinds.integer(100, 600_000, 20_000),
    about:
      'Milliseconds after which a request is given up. The gateway gives up on a subgraph after three quarters of it, an analysis (eventSeries, funnel, retention) ends after half of it, a statement of a database after three fifths of it (1 to 12 s).',
    default: '20000',
  },
  ...graphVariables,
  ...rateVariables,
  SHUTDOWN_DELAY_MS: {
    schema: kinds.integer(0, 600_000, 0),
    about:
      'Milliseconds to go on answering while readiness says 503, once asked to stop: for load balancers to notice.',
    default: '0',
  },
  FAST_PATH: {
    schema: kinds.choice(['true', 'false', 'always'], 'true'),
    about:
      'Whether a faster engine than Apollo Server executes operations that were requested before (packages/fast-path); `always`: from the first request on.',
    onlyTests: true,
  },
  CORS_ORIGINS: {
    schema: kinds.origins(),
    about:
      'Origins whose pages may call the services, separated by commas: `https://shop.example,https://www.shop.example`.',
    default: '(none)',
  },
} as const satisfies Record<string, Variable>

/**
 * Reads the variables of a service, and checks what belongs together.
 *
 * @param check finds further faults
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
 * What every service makes of them. Limits are the gateway's; subgraphs allow more.
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
