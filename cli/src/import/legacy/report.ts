import type { RejectedFile } from '../rejected-file.ts'

export type Table = 'consumers' | 'api_keys' | 'user' | 'events'

/**
 * Counts what is imported, repaired and rejected, table by table. Rejected rows go to a file with their
 * reason.
 */
export function createReport(rejected: RejectedFile) {
  const counts = new Map<string, number>()
  const bump = (kind: 'done' | 'repaired' | 'rejected', table: Table, what: string, by = 1) => {
    const key = `${kind}\0${table}\0${what}`
    counts.set(key, (counts.get(key) ?? 0) + by)
  }
  return {
    done: (table: Table, what: string, by = 1): void => {
      bump('done', table, what, by)
    },
    repaired: (table: Table, what: string): void => {
      bump('repaired', table, what)
    },
    /** @param row absent where nothing of it may be written down */
    async rejected(table: Table, id: string | number | null, reason: string, row?: object): Promise<void> {
      bump('rejected', table, reason)
      await rejected.add({ table, id, reason, ...(row && { row }) })
    },
    rejectedCount: rejected.count,

    /** A line for each kind. */
    *lines(): Generator<[step: string, text: string]> {
      for (const kind of ['done', 'repaired', 'rejected'] as const)
        for (const [key, count] of counts) {
          const [of, table = '', what = ''] = key.split('\0')
          if (of !== kind) continue
          const step = kind === 'done' ? 'imported' : kind
          yield [step, `${table}: ${count.toLocaleString('en')} ${what}`]
        }
    },
  }
}

export type Report = ReturnType<typeof createReport>
