import type { MasterKeys } from './master-keys.ts'

const prefix = 'user-stats users '

/**
 * What connections of a users service call themselves: the ids of the master keys it holds, the one it wraps with
 * first. So whoever replaces the master key sees who would be left without.
 */
export const connectionName = ({ ids }: Pick<MasterKeys, 'ids'>): string => `${prefix}${ids.join('+')}`

interface Queryable {
  readonly query: (text: string, values: unknown[]) => Promise<{ rows: { name: string }[] }>
}

/** Ids of the master keys that services connected to the database now wrap with. */
export async function connectedKeyIds(db: Queryable): Promise<Set<string>> {
  // Every role may see the names of connections, if nothing else of them.
  const { rows } = await db.query(
    `SELECT DISTINCT application_name AS name FROM pg_stat_activity
     WHERE datname = current_database() AND starts_with(application_name, $1)`,
    [prefix],
  )
  return new Set(rows.map(({ name }) => name.slice(prefix.length).split('+', 1)[0] ?? ''))
}
