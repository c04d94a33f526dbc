import { getHeapStatistics } from 'node:v8'
import type { FastifyInstance } from 'fastify'
import { DomainError } from '@user-stats/core'
import type { Metrics } from './metrics.ts'

/** Limits of a service's load; 0 is unlimited. */
export interface LoadLimits {
  /** Maximum delay of the event loop in milliseconds. */
  readonly delay: number
  /** Maximum percentage of V8's heap limit. */
  readonly heap: number
  /** Maximum open connections. */
  readonly connections: number
  /** Milliseconds between two measurements. */
  readonly interval?: number
}

/** Far above what a thousand honest connections bring about; see docs/adr/0014-limits.md. */
export const defaultLoadLimits: LoadLimits = { delay: 3_000, heap: 90, connections: 10_000 }

type Reason = 'delay' | 'heap'

/** Answered under any load, so that operators see the state. */
const exempt = new Set<string | undefined>(['/health/live', '/health/ready'])

/**
 * Refuses requests with OVERLOADED while the process is overloaded, before any work is done for them. The
 * check costs one clock reading per request.
 *
 * @returns a readiness check
 */
export function registerLoad(
  app: FastifyInstance,
  { delay, heap, interval = 100 }: LoadLimits,
  { refusals }: Pick<Metrics, 'refusals'>,
): () => Promise<void> {
  const latest = interval + (delay === 0 ? Infinity : delay)
  const bytesOfHeap = (getHeapStatistics().heap_size_limit * heap) / 100
  let looked = performance.now()
  let found: Reason | undefined

  const look = (): Reason | undefined =>
    heap > 0 && getHeapStatistics().used_heap_size > bytesOfHeap ? 'heap' : undefined

  const timer = setInterval(() => {
    const now = performance.now()
    // Requests that arrived during the delay have waited as long: refuse them until the next measurement.
    found = now - looked > latest ? 'delay' : look()
    looked = now
  }, interval).unref()

  /** A blocked event loop counts as late even before the timer fires. */
  const overload = (): Reason | undefined =>
    found ?? (performance.now() - looked > latest ? 'delay' : undefined)

  app.addHook('onRequest', (request, _reply, done) => {
    const reason = overload()
    if (reason === undefined || exempt.has(request.routeOptions.url)) {
      done()
      return
    }
    refusals.inc({ reason })
    done(new DomainError('OVERLOADED'))
  })
  app.addHook('onReady', (done) => {
    // Ignore the delay caused by start-up.
    looked = performance.now()
    done()
  })
  app.addHook('onClose', () => {
    clearInterval(timer)
  })

  return () => (overload() === undefined ? Promise.resolve() : Promise.reject(new DomainError('OVERLOADED')))
}
