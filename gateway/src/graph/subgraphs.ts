import type { Logger } from '@user-stats/service'
import { Pool } from 'undici'
import { createDataSource, type Subgraph } from './data-source.ts'

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
}

/** The way to the subgraphs: one bounded pool of connections for each, kept when the graph changes. */
export function createSubgraphs({ locate, connections, timeout, gatewaySecret, log }: SubgraphsOptions) {
  const pools = new Map<string, Pool>()

  function poolFor(name: string, origin: string): Pool {
    const key = `${name} ${origin}`
    const known = pools.get(key)
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
    pools.set(key, pool)
    return pool
  }

  return {
    /** @throws EnvError when a variable says nonsense */
    dataSource: ({ name, url }: { readonly name: string; readonly url: string }): Subgraph => {
      const endpoint = locate(name, url)
      return createDataSource({
        name,
        url: endpoint,
        pool: poolFor(name, new URL(endpoint).origin),
        timeout,
        gatewaySecret,
        log,
      })
    },
    close: async (): Promise<void> => {
      await Promise.all([...pools.values()].map((pool) => pool.close()))
    },
  }
}
