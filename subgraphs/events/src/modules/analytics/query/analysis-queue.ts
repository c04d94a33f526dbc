import type { Pool } from 'pg'
import {
  createFairSemaphore,
  DomainError,
  PermitDeniedError,
  refuseAborted,
  workloadOf,
  type Caller,
  type Permit,
} from '@user-stats/core'

/** The events that an analysis may read. */
export interface AnalysisScope {
  /** Null: all of them. */
  readonly stores: readonly number[] | null
  /** The first UTC day; null: from the beginning. */
  readonly from: string | null
  /** The last UTC day. */
  readonly to: string
}

export interface AnalysisQueueOptions {
  readonly pool: Pool
  /** Maximum large analyses at a time. */
  readonly concurrency: number
}

/** An analysis of at most so many events takes a fraction of a second. */
const smallAnalysis = 50_000
const maxQueuePerCaller = 64
const maxQueuePerTenant = 128

const eventsText = `
SELECT coalesce(sum(events), 0) AS events FROM day_totals
WHERE store_id = $1 AND day >= coalesce($2::date, '-infinity') AND day <= $3::date`

/**
 * The queue of analyses, which keeps most connections free for short requests. Large analyses of one tenant
 * use at most half of the permits; small ones have permits of their own, so that none waits for a large one.
 */
export function createAnalysisQueue({ pool, concurrency }: AnalysisQueueOptions) {
  const half = Math.max(1, Math.floor(concurrency / 2))
  const bounds = { maxQueuePerCaller, maxQueuePerTenant }
  const large = createFairSemaphore({ permits: concurrency, maxPerTenant: half, ...bounds })
  const small = createFairSemaphore({ permits: half, ...bounds })

  async function isSmall({ stores, from, to }: AnalysisScope): Promise<boolean> {
    if (stores?.length !== 1) return false
    const values = [stores[0], from, to]
    const { rows } = await pool.query<{ events: string }>({
      name: 'events-of-analysis',
      text: eventsText,
      values,
    })
    return Number(rows[0]?.events) <= smallAnalysis
  }

  return {
    /**
     * @throws TOO_MANY_REQUESTS when too many are queued already, SERVICE_UNAVAILABLE after too long in the
     * queue
     */
    async acquire(caller: Caller, scope: AnalysisScope, signal: AbortSignal): Promise<Permit> {
      const semaphore = (await isSmall(scope)) ? small : large
      refuseAborted(signal)
      return await semaphore.acquire({ ...workloadOf(caller, () => ''), signal }).catch((error: unknown) => {
        throw toRefusal(error)
      })
    },
  }
}

const toRefusal = (cause: unknown): DomainError =>
  cause instanceof PermitDeniedError && cause.reason === 'QUEUE_FULL'
    ? new DomainError('TOO_MANY_REQUESTS', {
        message: `You have too many analyses queued: ${String(maxQueuePerCaller)} of one key, ${String(maxQueuePerTenant)} of one store. Try again when some are finished.`,
        retryAfter: 1,
        cause,
      })
    : new DomainError('SERVICE_UNAVAILABLE', {
        message: 'The analysis was queued for too long. Try again soon.',
        cause,
      })
