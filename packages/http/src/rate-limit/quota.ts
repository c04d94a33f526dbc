import { LRUCache } from 'lru-cache'
import type { SharedCounts } from './shared-counts.ts'

/** So many within each window of time. */
export interface Policy {
  readonly name: string
  readonly limit: number
  /** Seconds. */
  readonly window: number
}

/** How one who is counted stands in this window. */
export interface Standing {
  readonly allowed: boolean
  readonly count: number
  readonly remaining: number
  /** Whole seconds until the next window, at least one. */
  readonly reset: number
}

interface Count {
  window: number
  /** By all replicas, as far as is known. */
  total: number
  /** Not yet told to the others. */
  pending: number
}

export interface QuotaOptions {
  readonly policy: Policy
  readonly clock: () => number
  /** Counts of all replicas together; undefined: this one counts alone. */
  readonly shared?: SharedCounts | undefined
  /** Of those who are counted, the least recently seen are forgotten. */
  readonly maxKeys?: number
}

export type Quota = ReturnType<typeof createQuota>

/**
 * Counts in fixed windows that begin at the same instants everywhere, in memory. Where replicas share their counts
 * they exchange them from time to time, or at once on `refresh`; while the others cannot be reached, each goes on
 * with what it knows.
 */
export function createQuota({ policy, clock, shared, maxKeys = 50_000 }: QuotaOptions) {
  const { name, limit, window: seconds } = policy
  const length = seconds * 1_000
  const counts = new LRUCache<string, Count>({ max: maxKeys })
  const untold = new Set<string>()

  function countOf(key: string, window: number): Count {
    const known = counts.get(key)
    if (known?.window === window) return known
    const fresh = { window, total: 0, pending: 0 }
    counts.set(key, fresh)
    return fresh
  }

  function standing(count: number, now: number, window: number): Standing {
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
    const told = keys.map((key) => {
      const count = countOf(key, window)
      return { key: `${name}:${String(window)}:${key}`, count, delta: count.pending }
    })
    const totals = await shared.add(
      told.map(({ key, delta }) => [key, delta] as const),
      seconds * 2,
    )
    totals?.forEach((total, at) => {
      const { count, delta } = told[at] ?? {}
      if (count === undefined || delta === undefined) return
      count.total = total
      count.pending -= delta
    })
  }

  return {
    policy,
    /** Counts, and says whether that was within the limit. */
    take(key: string): Standing {
      const now = clock()
      const window = Math.floor(now / length)
      const count = countOf(key, window)
      if (shared === undefined) count.total += 1
      else {
        count.pending += 1
        untold.add(key)
      }
      return standing(count.total + count.pending, now, window)
    },
    /** Where one stands, uncounted. */
    look(key: string): Standing {
      const now = clock()
      const window = Math.floor(now / length)
      const { total, pending } = countOf(key, window)
      return standing(total + pending, now, window)
    },
    /** Exchanges one count with the other replicas. Never rejects. */
    refresh: (key: string): Promise<void> => {
      untold.delete(key)
      return exchange([key])
    },
    /** Exchanges all counts that have changed. Never rejects. */
    sync: (): Promise<void> => {
      const keys = [...untold]
      untold.clear()
      return exchange(keys)
    },
  }
}
