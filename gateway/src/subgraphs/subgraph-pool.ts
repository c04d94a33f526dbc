import { createPeerBreaker, type Logger, type Metrics, type ReadinessChecks } from '@user-stats/http'
import type { Breaker } from '@user-stats/core'
import { Pool } from 'undici'
import {
  createSubgraphClient,
  credentialOf,
  type SendOperation,
  type SubgraphClientOptions,
} from './subgraph-client.ts'
import {
  createSubgraphDataSource,
  type SubgraphDataSource,
  type SubgraphDataSourceOptions,
} from './subgraph-data-source.ts'
import { createReadinessProbe } from './subgraph-readiness.ts'

/** What the fast path adds to the requests to subgraphs. */
export interface SubgraphAcceleration extends Pick<SubgraphClientOptions, 'createBatcher'> {
  readonly createForwarding: (send: SendOperation) => Pick<SubgraphDataSourceOptions, 'send' | 'forward'>
}

export interface SubgraphsOptions {
  /** The URL of a subgraph's GraphQL endpoint. */
  readonly locate: (name: string, composedUrl: string) => string
  /** Milliseconds until a subgraph counts as unavailable. */
  readonly timeout: number
  readonly gatewaySecret: string | undefined
  readonly acceleration?: SubgraphAcceleration | undefined
  readonly log: Logger
  readonly metrics: Metrics
}

interface SubgraphConnection {
  readonly pool: Pool
  readonly breaker: Breaker
}

/** To each subgraph. */
const maxConnections = 128
const maxQueuedPerConnection = 32

/**
 * The data sources of the gateway. Each subgraph has one bounded pool and one circuit breaker, whatever the
 * schema.
 */
export function createSubgraphs({
  locate,
  timeout,
  gatewaySecret,
  acceleration,
  log,
  metrics,
}: SubgraphsOptions) {
  const open = new Map<string, SubgraphConnection>()
  const probes = new Map<string, () => Promise<void>>()

  function connectionTo(name: string, origin: string): SubgraphConnection {
    const key = `${name} ${origin}`
    const existing = open.get(key)
    if (existing !== undefined) return existing
    const pool = new Pool(origin, {
      connections: maxConnections,
      // Below the subgraphs' 75 seconds: a request on a connection that they are closing would be lost.
      keepAliveTimeout: 30_000,
      keepAliveMaxTimeout: 60_000,
      connectTimeout: timeout,
      // Each request has its own deadline.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    const connection = { pool, breaker: createPeerBreaker({ peer: name, log, metrics }) }
    open.set(key, connection)
    return connection
  }

  return {
    /** @throws EnvError when the variable with the subgraph's URL is invalid */
    dataSource: ({ name, url }: { readonly name: string; readonly url: string }): SubgraphDataSource => {
      const endpoint = locate(name, url)
      const connection = connectionTo(name, new URL(endpoint).origin)
      probes.set(`${name} service`, createReadinessProbe(connection.pool, credentialOf(gatewaySecret)))
      const send = createSubgraphClient({
        ...connection,
        url: endpoint,
        maxConnections,
        maxInFlight: maxConnections * (1 + maxQueuedPerConnection),
        timeout,
        gatewaySecret,
        log,
        createBatcher: acceleration?.createBatcher,
      })
      return createSubgraphDataSource({ name, log, ...(acceleration?.createForwarding(send) ?? { send }) })
    },
    /** One check per subgraph, under the name that pages show. */
    readiness: (): ReadinessChecks => Object.fromEntries(probes),
    close: async (): Promise<void> => {
      await Promise.all([...open.values()].map(({ pool }) => pool.close()))
    },
  }
}
