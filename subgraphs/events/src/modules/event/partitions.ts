import type { Pool } from 'pg'
import { runWorkload } from '@user-stats/core'

export type Partitions = ReturnType<typeof createPartitions>

const monthOf = (instant: Date): string => `${instant.toISOString().slice(0, 7)}-01`

/**
 * Creates monthly partitions before they are needed. The serving role cannot create tables; it calls a
 * function of the schema's owner.
 */
export function createPartitions({ pool }: { readonly pool: Pool }) {
  const made = new Set<string>()
  const making = new Map<string, Promise<void>>()

  function make(month: string): Promise<void> {
    // In the service's workload: the first request creates it for all.
    const done = runWorkload(undefined, () => pool.query('SELECT ensure_month($1::date)', [month]))
      .then(() => {
        made.add(month)
      })
      .finally(() => making.delete(month))
    making.set(month, done)
    return done
  }

  const ensure = (month: string): Promise<void> =>
    made.has(month) ? Promise.resolve() : (making.get(month) ?? make(month))

  return {
    monthOf,
    /** Whether a month is known to have its partitions. */
    has: (month: string): boolean => made.has(month),
    /** Ensures that a month has its partitions. */
    ensure,
    /** Invalidates a month after the database reported that its partition is missing. */
    forget: (month: string): void => {
      made.delete(month)
    },
    /** Creates the partitions of this month and the next two. */
    ensureAhead: async (now: Date): Promise<void> => {
      const ahead = [0, 1, 2].map(
        (months) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1)),
      )
      await Promise.all(ahead.map(monthOf).map(ensure))
    },
  }
}
