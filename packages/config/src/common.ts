import type { z } from 'zod'
import type { RawEnv, Variable } from './read-variables.ts'
import { graphLimitsOf, graphVariables } from './graph-limits.ts'
import { kinds } from './parsers.ts'
import { loadLimitsOf, loadVariables } from './overload.ts'
import { rateLimitsOf, rateVariables } from './rate-limits.ts'
import { tlsVariables } from './tls-variables.ts'
import { readTls } from './tls.ts'

/** Variables every service has. */
export const commonVariables = {
  HOST: { schema: kinds.text('127.0.0.1'), about: 'Address to listen on.', default: '127.0.0.1' },
  ...tlsVariables,
  LOG_LEVEL: {
    schema: kinds.choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
    about: 'Least severe log lines to write: fatal, error, warn, info, debug, trace, silent.',
    default: 'info',
  },
  BODY_LIMIT_BYTES: {
    schema: kinds.integer(1_024, 1_073_741_824, 16_777_216),
    about: 'Largest request body, in bytes.',
    default: '16777216',
  },
  REQUEST_TIMEOUT_MS: {
    schema: kinds.integer(100, 600_000, 20_000),
    about:
      'Milliseconds after which a request is given up, and after four fifths of it (1 to 12 s) a statement of a database.',
    default: '20000',
  },
  ...loadVariables,
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
      'Whether a faster engine than Apollo Server executes operations that were requested before (packages/fast-path); `always`: from the first request on, for tests.',
    default: 'true',
  },
  CORS_ORIGINS: {
    schema: kinds.list(),
    about: 'Origins whose pages may call the services, separated by commas.',
    default: '(none)',
  },
} as const satisfies Record<string, Variable>

type CommonVariables = typeof commonVariables
type Values = { readonly [K in keyof CommonVariables]: z.output<CommonVariables[K]['schema']> }

/**
 * What every service makes of them. Limits are the gateway's; subgraphs allow more.
 *
 * @throws EnvError when certificate and key are no pair
 */
export const commonEnvOf = (env: Values, raw: RawEnv) => ({
  limits: { body: env.BODY_LIMIT_BYTES, request: env.REQUEST_TIMEOUT_MS },
  load: loadLimitsOf(env),
  rates: rateLimitsOf(env),
  trustProxy: env.TRUST_PROXY,
  graph: graphLimitsOf(env),
  shutdownDelay: env.SHUTDOWN_DELAY_MS,
  corsOrigins: env.CORS_ORIGINS,
  tls: readTls(raw),
  fastPath: env.FAST_PATH,
  logLevel: env.LOG_LEVEL,
})
