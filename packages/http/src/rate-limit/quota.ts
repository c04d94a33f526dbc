import { LRUCache } from 'lru-cache'
import type { SharedCounts } from './shared-counts.ts'

/** So many within each window of time. */
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
  /** Whole seconds until the next window, at least one. */
  readonly reset: number
}

interface Count {
  window: number
  /** Of all replicas, as of the last exchange. */
  total: number
  /** Not yet sent to the other replicas. */
  pending: number
}

export interface QuotaOptions {
  readonly policy: Policy
  readonly clock: () => number
  /** Counts of all replicas together; undefined: this replica counts alone. */
  readonly shared?: SharedCounts | undefined
  /** Keys counted at most: the least recently used is forgotten. */
  readonly maxKeys?: number
}

export type Quota = ReturnType<typeof createQuota>

/**
 * Counts in fixed windows that begin at the same instants everywhere, in memory. Replicas that share their counts
 * exchange them from time to time, or at once on `refresh`; while the exchange is not possible, each goes on with
 * what it knows.
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
    /** Counts one more of a key. */
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
    /** A key's usage as it is. */
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
