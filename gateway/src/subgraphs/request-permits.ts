import { createFairSemaphore, currentWorkload, PermitDeniedError, type Permit } from '@user-stats/core'

export interface RequestPermitsOptions {
  /** Connections to a subgraph. */
  readonly maxConnections: number
  /** Requests to it that may be in flight or queued. */
  readonly maxInFlight: number
}

/** The gateway itself. */
const service = { tenant: 'service' }

const halfOf = (all: number) => (tenant: string) => (tenant === service.tenant ? all : Math.ceil(all / 2))

/**
 * Shares a subgraph's connections fairly among tenants: one holds at most half of them, and the next request
 * of another tenant goes before its own. Nor may one have more than half of all requests in flight.
 */
export function createRequestPermits({ maxConnections, maxInFlight }: RequestPermitsOptions) {
  const connections = createFairSemaphore({
    permits: maxConnections,
    maxPerTenant: halfOf(maxConnections),
    maxQueuePerTenant: maxInFlight,
  })
  const requests = createFairSemaphore({
    permits: maxInFlight,
    maxPerTenant: halfOf(maxInFlight),
    maxQueuePerTenant: 0,
  })

  return {
    /**
     * A permit to have one more request in flight; undefined when the tenant, or the subgraph, has too many.
     */
    tryBegin: (): Permit | undefined => requests.tryAcquire(currentWorkload() ?? service),
    /** @returns a permit to use a connection, or undefined when the signal is aborted before there is one */
    async connection(signal: AbortSignal): Promise<Permit | undefined> {
      const request = currentWorkload() ?? service
      return (
        connections.tryAcquire(request) ??
        (await connections.acquire({ ...request, signal }).catch((error: unknown) => {
          if (error instanceof PermitDeniedError) return undefined
          throw error
        }))
      )
    },
  }
}
