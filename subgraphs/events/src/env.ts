import { readDataPath } from '@user-stats/core'
import {
  subgraphLimits,
  commonEnvOf,
  commonVariables,
  subgraphRates,
  gatewaySecretVariable,
  parsers,
  metricsOf,
  readServiceVariables,
  type RawEnv,
  type Variable,
} from '@user-stats/config'

export const eventsVariables = {
  ...commonVariables,
  ...gatewaySecretVariable,
  EVENTS_PORT: { schema: parsers.port(8002), about: 'Port of the events service.', default: '8002' },
  EVENTS_DATABASE_URL: {
    schema: parsers.databaseUrl(),
    about: 'Events database, as the role that serves.',
    default: '(embedded)',
    secret: true,
  },
  USERS_URL: {
    schema: parsers.url('http://127.0.0.1:8001'),
    about: 'Base URL of the users service.',
    default: 'http://127.0.0.1:8001',
  },
  DATABASE_POOL_SIZE: {
    schema: parsers.integer(4, 1_000, 16),
    about: 'Database connections of a service, at most.',
    default: '16',
  },
  RETENTION_DAYS: {
    schema: parsers.integer(0, 36_500, 0),
    about:
      'Days for which raw events are kept, in whole months; daily totals stay. 0: forever. A store may have a shorter time.',
    default: '0',
  },
  ANALYTICS_CACHE_DIR: {
    schema: parsers.optionalText(),
    about:
      'Directory for copies of events in columns, from which large analyses are answered (docs/adr/0022-columnar-analytics.md); a directory for each replica. It may be deleted at any time. Without it PostgreSQL answers; `npm start` sets it to `DATA_DIR/analytics`.',
    default: '(none)',
  },
  ANALYTICS_CACHE_BYTES: {
    schema: parsers.integer(0, 2 ** 50, 4_294_967_296),
    about: 'Bytes in that directory, at most: the least recently used go first. 0: none, PostgreSQL answers.',
    default: '4294967296',
  },
  MIN_COHORT: {
    schema: parsers.integer(1, 1_000_000, 1),
    about:
      'Analysts see no data of a type, store and day with fewer distinct users; above 1 they may only request whole UTC days.',
    default: '1',
  },
  ANALYST_DATA_PATHS: {
    schema: parsers
      .list()
      .refine(
        (paths) => paths.every((path) => readDataPath(path) !== null),
        'expected JSONPaths separated by commas: $.plan,$.country',
      ),
    about:
      'JSONPaths of `data` that analysts may filter and group by, separated by commas: `$.plan,$.country`. For stores that set none by `updateStore(input: { analystDataPaths })`. With `MIN_COHORT` above 1 each cuts the cells of the others: name few.',
    default: '(none)',
  },
} as const satisfies Record<string, Variable>

export type EventsEnv = ReturnType<typeof readEnv>

/** @throws EnvError naming every variable that is wrong */
export function readEnv(raw: RawEnv) {
  const env = readServiceVariables(eventsVariables, raw)
  const common = commonEnvOf(env, raw)
  return {
    ...common,
    http: { host: env.HOST, port: env.EVENTS_PORT },
    metrics: metricsOf(env, env.EVENTS_PORT),
    rates: subgraphRates(common.rates),
    graph: subgraphLimits(common.graph),
    gatewaySecret: env.GATEWAY_SECRET,
    database: { url: env.EVENTS_DATABASE_URL, poolSize: env.DATABASE_POOL_SIZE },
    users: { url: env.USERS_URL },
    analytics: {
      timeout: env.REQUEST_TIMEOUT_MS / 2,
      // A quarter of the connections: recording and the daily aggregates keep the others.
      concurrency: Math.floor(env.DATABASE_POOL_SIZE / 4),
      analystPaths: env.ANALYST_DATA_PATHS,
    },
    segments:
      env.ANALYTICS_CACHE_DIR === undefined || env.ANALYTICS_CACHE_BYTES === 0
        ? null
        : { dir: env.ANALYTICS_CACHE_DIR, maxBytes: env.ANALYTICS_CACHE_BYTES },
    minCohort: env.MIN_COHORT,
    retentionDays: env.RETENTION_DAYS,
  } as const
}
