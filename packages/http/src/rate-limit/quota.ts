import { LRUCache } from 'lru-cache'
import type { SharedCounts } from './shared-counts.ts'

/** A limit per window of time. */
export interface Policy {
  readonly name: string
  readonly limit: number
  /** Seconds. */
  readonly window: number
}

/** A key's usage in the current window. */
export interface Usage {
  readonly allowed: boolean
  readonly count: number
  readonly remaining: number
  /** Whole seconds until the next window, at least 1. */
  readonly reset: number
}

interface Count {
  window: number
  /** The total of all replicas at the last exchange. */
  total: number
  /** Not yet sent to the other replicas. */
  pending: number
}

export interface QuotaOptions {
  readonly policy: Policy
  readonly clock: () => number
  /** Counts shared by all replicas; undefined: this replica counts alone. */
  readonly shared?: SharedCounts | undefined
  /** Maximum number of counted keys: the least recently used is evicted. */
  readonly maxKeys?: number
}

export type Quota = ReturnType<typeof createQuota>

/**
 * Counts in memory, in fixed windows that begin at the same instants on all replicas. Replicas with shared
 * counts exchange them periodically, or at once on `refresh`; while the exchange fails, each continues with
 * its last totals.
 */
export function createQuota({ policy, clock, shared, maxKeys = 50_000 }: QuotaOptions) {
  const { name, limit, window: seconds } = policy
  const length = seconds * 1_000
  const counts = new LRUCache<string, Count>({ max: maxKeys })
  const changed = new Set<string>()

  function countOf(key: string, window: number): Count {
    const known = counts.get(key)
    if (known?.window === window) return known
    const fresh = { window, total: 0, pending: 0 }
    counts.set(key, fresh)
    return fresh
  }

  function usageOf(count: number, now: number, window: number): Usage {
    return {
      allowed: count <= limit,
      count,
      remaining: Math.max(0, limit - count),
      reset: Math.max(1, Math.ceil(((window + 1) * length - now) / 1_000)),
    }
  }

  async function exchange(keys: readonly string[]): Promise<void> {
    if (shared === undefined || keys.length === 0) return
    const window = Math.floor(clock() / length)
    const sent = keys.map((key) => {
      const count = countOf(key, window)
      return { key: `${name}:${String(window)}:${key}`, count, delta: count.pending }
    })
    const totals = await shared.add(
      sent.map(({ key, delta }) => [key, delta] as const),
      seconds * 2,
    )
    totals?.forEach((total, at) => {
      const { count, delta } = sent[at] ?? {}
      if (count === undefined || delta === undefined) return
      count.total = total
      count.pending -= delta
    })
  }

  return {
    policy,
    /** Counts one request of a key. */
    consume(key: string): Usage {
      const now = clock()
      const window = Math.floor(now / length)
      const count = countOf(key, window)
      if (shared === undefined) count.total += 1
      else {
        count.pending += 1
        changed.add(key)
      }
      return usageOf(count.total + count.pending, now, window)
    },
    /** A key's usage, without counting. */
    get(key: string): Usage {
      const now = clock()
      const window = Math.floor(now / length)
      const { total, pending } = countOf(key, window)
      return usageOf(total + pending, now, window)
    },
    /** Exchanges one count with the other replicas. Never rejects. */
    refresh: (key: string): Promise<void> => {
      changed.delete(key)
      return exchange([key])
    },
    /** Exchanges all counts that have changed. Never rejects. */
    sync: (): Promise<void> => {
      const keys = [...changed]
      changed.clear()
      return exchange(keys)
    },
  }
}
