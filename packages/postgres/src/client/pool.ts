import { Pool } from 'pg'

export interface ServingPoolOptions {
  readonly url: string
  /** What connections call themselves. */
  readonly name?: string | undefined
  /** Connections at most. */
  readonly maxConnections?: number | undefined
  /** Callers that may wait for a connection; more are refused at once. */
  readonly maxWaiting?: number | undefined
  /** Sends statements without waiting for the answers of those before. */
  readonly pipeline?: boolean | undefined
  /** Milliseconds after which PostgreSQL gives a statement up. */
  readonly statementTimeout?: number | undefined
  /** Called when an idle connection breaks; the pool replaces it by itself. */
  readonly onIdleError?: ((error: Error) => void) | undefined
}

/** Milliseconds for a server that has given a statement up to say so; one that is silent is given up then. */
const saying = 3_000

/** Below the 15 seconds that the gateway waits by default, so that it is the service that says what is wrong. */
export const defaultStatementTimeout = 12_000

/**
 * Milliseconds after which a statement is given up in a service whose requests may take so many. A little less, so that
 * there is time to say so; never so little that what is done in the background could not go on.
 */
export const statementTimeoutFor = (request: number): number =>
  Math.min(defaultStatementTimeout, Math.max(1_000, Math.floor(request * 0.8)))

/**
 * The connections of a service. Bounded in all directions: so many connections, so many who wait for one and for no
 * longer than 5 s, and so much time for a statement, be the server slow or silent.
 */
export function openServingPool({
  url,
  name = 'user-stats',
  maxConnections = 16,
  maxWaiting = 2_000,
  pipeline = false,
  statementTimeout = defaultStatementTimeout,
  onIdleError = () => undefined,
}: ServingPoolOptions): Pool {
  const pool = new Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: statementTimeout,
    query_timeout: statementTimeout + saying,
    pipeline,
    application_name: name,
  })
  pool.on('error', onIdleError)
  const connect = pool.connect.bind(pool) as (callback?: Callback) => unknown
  // `query` takes its connection here as well.
  pool.connect = ((callback?: Callback) => {
    if (pool.waitingCount < maxWaiting) return connect(callback)
    const refusal = Object.assign(new Error('too many are waiting for a connection'), { code: tooMany })
    if (callback === undefined) return Promise.reject(refusal)
    callback(refusal, undefined, () => undefined)
    return undefined
  }) as Pool['connect']
  return pool
}

/** As PostgreSQL says it of its own connections. */
const tooMany = '53300'

type Callback = (error: Error | undefined, client: undefined, done: () => void) => void

/** A statement that may take so many milliseconds, whatever the pool allows. */
export const allowing = <Config extends object>(config: Config, milliseconds: number): Config =>
  Object.assign(config, { query_timeout: milliseconds + saying })
