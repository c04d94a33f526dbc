import type { Pool } from 'pg'

export type Partitions = ReturnType<typeof createPartitions>

const monthOf = (instant: Date): string => `${instant.toISOString().slice(0, 7)}-01`

/**
 * Makes monthly partitions before they are needed. The serving role cannot create tables; a function of the schema's
 * owner does.
 */
export function createPartitions({ pool }: { readonly pool: Pool }) {
  const made = new Map<string, Promise<void>>()

  function ensure(month: string): Promise<void> {
    let making = made.get(month)
    if (making === undefined) {
      making = pool.query('SELECT ensure_month($1::date)', [month]).then(() => undefined)
      made.set(month, making)
      // A failure is not remembered.
      making.catch(() => made.delete(month))
    }
    return making
  }

  return {
    /** Makes sure that events of these instants have a partition. */
    ensureMonths: async (instants: readonly Date[]): Promise<void> => {
      await Promise.all([...new Set(instants.map(monthOf))].map(ensure))
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
