import { Pool, type PoolClient } from 'pg'
import { createFairSemaphore, currentWorkload, PermitDeniedError, type Permit } from '@user-stats/core'

export interface ServingPoolOptions {
  readonly url: string
  /** What connections call themselves. */
  readonly name?: string | undefined
  /** Connections at most. */
  readonly maxConnections?: number | undefined
  /** Requests of one tenant that may be queued for a connection; more are refused at once. */
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

/** Milliseconds that a request may be queued for a connection, and that connecting may take. */
const connectTimeout = 5_000

/**
 * The connections of a service. Bounded in all directions: so many connections, so many requests queued for one and for
 * no longer than 5 s, and so much time for a statement, be the server slow or silent. They are shared out among tenants:
 * one holds half of them at most, and whatever it has queued, others go before its next request. The service's own
 * work is a tenant, too, and may hold all of them.
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
    query_timeout: statementTimeout + saying,
    pipeline,
    application_name: name,
  })
  pool.on('error', onIdleError)
  shareOut(pool, maxConnections, maxWaiting)
  return pool
}

type Callback = (error: Error | undefined, client: PoolClient | undefined, done: () => void) => void

const service = { tenant: 'service', caller: '' }

/** Makes a pool give its connections to tenants in turn. `query` takes its connection from `connect` as well. */
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

/** As PostgreSQL says it of its own connections. */
const tooMany = '53300'

function refusalOf(error: unknown): Error {
  const full = error instanceof PermitDeniedError && error.reason === 'QUEUE_FULL'
  return Object.assign(
    new Error(full ? 'too many are waiting for a connection' : 'timeout exceeded when trying to connect', {
      cause: error,
    }),
    { code: tooMany },
  )
}

/** A statement that may take so many milliseconds, whatever the pool allows. */
export const withQueryTimeout = <Config extends object>(config: Config, milliseconds: number): Config =>
  Object.assign(config, { query_timeout: milliseconds + saying })
