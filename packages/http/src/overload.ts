import { getHeapStatistics } from 'node:v8'
import type { FastifyInstance } from 'fastify'
import { DomainError } from '@user-stats/core'
import type { Metrics } from './metrics.ts'

/** What a service takes on at most; 0 is no bound. */
export interface LoadLimits {
  /** Milliseconds that the event loop may be late. */
  readonly delay: number
  /** Percent of the heap that V8 may have. */
  readonly heap: number
  /** Bytes of memory of the process. */
  readonly rss: number
  /** Connections open at the same time. */
  readonly connections: number
  /** Milliseconds between two looks at it. */
  readonly interval?: number
}

type Reason = 'delay' | 'heap' | 'rss'

/** Answered whatever the load is: whoever looks after us must see it. */
const exempt = new Set<string | undefined>(['/health/live', '/health/ready'])

/**
 * Refuses requests with OVERLOADED while the process is overloaded, before anything is done for them, and
 * connections beyond the bound. A request costs a look at the clock.
 *
 * @returns a readiness check
 */
export function registerLoad(
  app: FastifyInstance,
  { delay, heap, rss, connections, interval = 100 }: LoadLimits,
  { refusals }: Pick<Metrics, 'refusals'>,
): () => Promise<void> {
  const latest = interval + (delay === 0 ? Infinity : delay)
  const bytesOfHeap = (getHeapStatistics().heap_size_limit * heap) / 100
  let looked = performance.now()
  let found: Reason | undefined

  function look(): Reason | undefined {
    if (heap > 0 && getHeapStatistics().used_heap_size > bytesOfHeap) return 'heap'
    if (rss > 0 && process.memoryUsage.rss() > rss) return 'rss'
    return undefined
  }

  const timer = setInterval(() => {
    const now = performance.now()
    // Whoever came while the loop was held up has waited as long already: they are refused until the next look.
    found = now - looked > latest ? 'delay' : look()
    looked = now
  }, interval).unref()

  /** Also late: a turn that has gone on for so long that the timer has not come to its turn. */
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
    // What was done until now was starting.
    looked = performance.now()
    done()
  })
  app.addHook('onClose', () => {
    clearInterval(timer)
  })

  if (connections > 0) app.server.maxConnections = connections
  app.server.on('drop', () => {
    refusals.inc({ reason: 'connections' })
  })

  return () => (overload() === undefined ? Promise.resolve() : Promise.reject(new DomainError('OVERLOADED')))
}
