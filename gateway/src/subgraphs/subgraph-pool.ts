import { createPeerBreaker, type Logger, type Metrics, type ReadinessChecks } from '@user-stats/http'
import type { Breaker } from '@user-stats/core'
import { Pool } from 'undici'
import { createDataSource, type Subgraph } from './subgraph-data-source.ts'
import { createReadinessProbe } from './subgraph-readiness.ts'

export interface SubgraphsOptions {
  /** Where a subgraph's GraphQL endpoint is. */
  readonly locate: (name: string, composedUrl: string) => string
  /** Connections to each, at most. */
  readonly connections: number
  /** Milliseconds until one counts as away. */
  readonly timeout: number
  /** With which services are told where strangers come from. */
  readonly gatewaySecret: string | undefined
  readonly log: Logger
  readonly metrics: Metrics
}

interface Way {
  readonly pool: Pool
  readonly breaker: Breaker
}

/** Requests that may wait for each connection. */
const waitingPerConnection = 32

/** The way to the subgraphs: one bounded pool and one circuit breaker for each, kept when the graph changes. */
export function createSubgraphs({
  locate,
  connections,
  timeout,
  gatewaySecret,
  log,
  metrics,
}: SubgraphsOptions) {
  const ways = new Map<string, Way>()
  const probes = new Map<string, () => Promise<void>>()

  function wayTo(name: string, origin: string): Way {
    const key = `${name} ${origin}`
    const known = ways.get(key)
    if (known !== undefined) return known
    const pool = new Pool(origin, {
      connections,
      // Below the subgraphs' 75 seconds: a connection they are closing would lose a request.
      keepAliveTimeout: 30_000,
      keepAliveMaxTimeout: 60_000,
      connectTimeout: timeout,
      // Each request has a deadline of its own.
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    const way = { pool, breaker: createPeerBreaker({ peer: name, log, metrics }) }
    ways.set(key, way)
    return way
  }

  return {
    /** @throws EnvError when a variable says nonsense */
    dataSource: ({ name, url }: { readonly name: string; readonly url: string }): Subgraph => {
      const endpoint = locate(name, url)
      const way = wayTo(name, new URL(endpoint).origin)
      probes.set(`${name} service`, createReadinessProbe(way.pool))
      return createDataSource({
        name,
        url: endpoint,
        ...way,
        maxUnderWay: connections * (1 + waitingPerConnection),
        timeout,
        gatewaySecret,
        log,
      })
    },
    /** Whether each subgraph is ready, by what people call it. */
    readiness: (): ReadinessChecks => Object.fromEntries(probes),
    close: async (): Promise<void> => {
      await Promise.all([...ways.values()].map(({ pool }) => pool.close()))
    },
  }
}
