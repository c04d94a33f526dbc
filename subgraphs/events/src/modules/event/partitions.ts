import type { Pool } from 'pg'
import { runWorkload } from '@user-stats/core'

export type Partitions = ReturnType<typeof createPartitions>

const monthOf = (instant: Date): string => `${instant.toISOString().slice(0, 7)}-01`

/**
 * Makes monthly partitions before they are needed. The serving role cannot create tables; a function of the schema's
 * owner does.
 */
export function createPartitions({ pool }: { readonly pool: Pool }) {
  const made = new Set<string>()
  const making = new Map<string, Promise<void>>()

  function make(month: string): Promise<void> {
    // Whoever needs it first: it is made for all.
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
    /** Makes sure that a month has its partitions. */
    ensure,
    /** Forgets that a month had its partitions: the database says otherwise. */
    forget: (month: string): void => {
      made.delete(month)
    },
    /** Makes the partitions of this month and the next two ahead of time. */
    ensureAhead: async (now: Date): Promise<void> => {
      const ahead = [0, 1, 2].map(
        (months) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + months, 1)),
      )
      await Promise.all(ahead.map(monthOf).map(ensure))
    },
  }
}
