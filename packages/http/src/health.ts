import type { FastifyInstance } from 'fastify'
import { withDeadline } from '@user-stats/core'
import type { Logger } from './logger.ts'

/** The dependencies of a service's readiness, by name; a check rejects when its dependency fails. */
export type ReadinessChecks = Readonly<Record<string, () => Promise<void>>>

/** Whether a service is ready, and the result of each check. */
export interface Readiness {
  readonly status: 'ok' | 'stopping' | 'unavailable'
  readonly checks: Readonly<Record<string, 'ok' | 'unavailable'>>
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether this service is ready. */
    readiness: () => Promise<Readiness>
  }
}

const deadline = 2_000

async function passes(check: () => Promise<void>): Promise<boolean> {
  try {
    await withDeadline(check(), deadline, () => new Error('the check took too long'))
    return true
  } catch {
    return false
  }
}

/** Runs all checks concurrently, within 2 seconds. */
export async function readinessOf(checks: ReadinessChecks): Promise<Readiness> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => [name, await passes(check)] as const),
  )
  return {
    status: results.every(([, passed]) => passed) ? 'ok' : 'unavailable',
    checks: Object.fromEntries(results.map(([name, passed]) => [name, passed ? 'ok' : 'unavailable'])),
  }
}

/**
 * `GET /health/live`: the process responds. `GET /health/ready`: it is ready; 503 lists the failed checks.
 */
export function registerHealth(
  app: FastifyInstance,
  checks: ReadinessChecks,
  drain: { readonly stopping: boolean },
  log: Pick<Logger, 'info' | 'warn'>,
): void {
  let missing = ''

  /** Probes come every few seconds: only log changes. */
  function logChange(results: Readiness['checks']): void {
    const failed = Object.keys(results).filter((name) => results[name] !== 'ok')
    if (failed.join() === missing) return
    missing = failed.join()
    if (failed.length > 0) log.warn({ missing: failed }, 'not ready')
    else log.info('ready again')
  }

  app.decorate('readiness', async () => {
    const readiness = await readinessOf(checks)
    return drain.stopping ? { ...readiness, status: 'stopping' as const } : readiness
  })
  app.get('/health/live', () => ({ status: 'ok' }))
  app.get('/health/ready', async (_request, reply) => {
    const readiness = await app.readiness()
    logChange(readiness.checks)
    return reply.code(readiness.status === 'ok' ? 200 : 503).send(readiness)
  })
}
