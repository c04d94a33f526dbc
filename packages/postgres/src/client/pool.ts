import { Pool, type PoolClient } from 'pg'
import { createFairSemaphore, currentWorkload, PermitDeniedError, type Permit } from '@user-stats/core'

export interface ServingPoolOptions {
  readonly url: string
  /** The `application_name` of the connections. */
  readonly name?: string | undefined
  /** Maximum connections. */
  readonly maxConnections?: number | undefined
  /** Requests of one tenant that may be queued for a connection; more are rejected at once. */
  readonly maxWaiting?: number | undefined
  /** Pipelines statements instead of waiting for the results of earlier ones. */
  readonly pipeline?: boolean | undefined
  /** The `statement_timeout` in milliseconds. */
  readonly statementTimeout?: number | undefined
  /** Called when an idle connection breaks; the pool replaces it. */
  readonly onIdleError?: ((error: Error) => void) | undefined
}

/** Extra client-side wait in milliseconds after `statement_timeout`, before the connection is dropped. */
const clientTimeoutMargin = 3_000

/** Below the 15 seconds that the gateway waits by default, so that the service reports the reason itself. */
export const defaultStatementTimeout = 12_000

/**
 * The `statement_timeout` of a service with this request timeout. Less than the three quarters of it that the
 * gateway waits for a subgraph, so that the service reports the reason itself; never so little that
 * background work would fail.
 */
export const statementTimeoutFor = (request: number): number =>
  Math.min(defaultStatementTimeout, Math.max(1_000, Math.floor(request * 0.6)))

/** Maximum milliseconds in the queue for a connection, and for connecting. */
const connectTimeout = 5_000

/**
 * The connection pool of a service. Everything is bounded: connections, requests queued for one, their wait
 * (5 s), and the time of a statement, whether the server is slow or silent. Connections are shared fairly
 * among tenants: one may hold at most half of them, and the next request of another tenant is served before
 * its own. The service's own background work is a tenant too, and may hold all connections.
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
    connectionTimeoutMillis: connectTimeout,
    idleTimeoutMillis: 30_000,
    statement_timeout: statementTimeout,
    query_timeout: statementTimeout + clientTimeoutMargin,
    pipeline,
    application_name: name,
  })
  pool.on('error', onIdleError)
  shareOut(pool, maxConnections, maxWaiting)
  return pool
}

type Callback = (error: Error | undefined, client: PoolClient | undefined, done: () => void) => void

const service = { tenant: 'service', caller: '' }

/** Makes a pool share its connections among tenants. `query` takes its connection from `connect` as well. */
function shareOut(pool: Pool, connections: number, maxWaiting: number): void {
  const share = Math.ceil(connections / 2)
  const semaphore = createFairSemaphore({
    permits: connections,
    maxPerTenant: (tenant) => (tenant === service.tenant ? connections : share),
    maxQueuePerTenant: maxWaiting,
    maxWait: connectTimeout,
  })
  const permits = new WeakMap<PoolClient, Permit>()
  pool.on('release', (_error, client) => {
    permits.get(client)?.release()
    permits.delete(client)
  })
  const checkOut = pool.connect.bind(pool) as unknown as (callback: Callback) => void

  function connect(callback: Callback): void {
    const checkOutWith = (permit: Permit): void => {
      checkOut((error, client, done) => {
        if (client === undefined) permit.release()
        else permits.set(client, permit)
        callback(error, client, done)
      })
    }
    const request = currentWorkload() ?? service
    const permit = semaphore.tryAcquire(request)
    if (permit) checkOutWith(permit)
    else
      semaphore.acquire(request).then(checkOutWith, (error: unknown) => {
        callback(refusalOf(error), undefined, () => undefined)
      })
  }

  pool.connect = ((callback?: Callback) => {
    if (callback !== undefined) {
      connect(callback)
      return undefined
    }
    const { promise, resolve, reject } = Promise.withResolvers<PoolClient>()
    connect((error, client) => {
      if (client) resolve(client)
      else reject(error ?? new Error('no connection'))
    })
    return promise
  }) as Pool['connect']
}

/** With the code that PostgreSQL uses when it has no free connections. */
const tooMany = '53300'

function refusalOf(error: unknown): Error {
  const full = error instanceof PermitDeniedError && error.reason === 'QUEUE_FULL'
  return Object.assign(
    new Error(
      full ? 'too many requests are queued for a connection' : 'timeout exceeded when trying to connect',
      {
        cause: error,
      },
    ),
    { code: tooMany },
  )
}

/** A statement with a timeout of its own, longer than the pool's. */
export const withQueryTimeout = <Config extends object>(config: Config, milliseconds: number): Config =>
  Object.assign(config, { query_timeout: milliseconds + clientTimeoutMargin })
