import type { MasterKeys } from './master-keys.ts'

const prefix = 'user-stats users '

/**
 * Publishes the service's master-key ids as `application_name`, the wrapping key first, so that a rotation
 * can refuse while a service without the new key is connected.
 */
export const connectionName = ({ ids }: Pick<MasterKeys, 'ids'>): string => `${prefix}${ids.join('+')}`

interface Queryable {
  readonly query: (text: string, values: unknown[]) => Promise<{ rows: { name: string }[] }>
}

/** Ids of the master keys with which connected services wrap. */
export async function connectedKeyIds(db: Queryable): Promise<Set<string>> {
  // Every role may see the application names of all connections.
  const { rows } = await db.query(
    `SELECT DISTINCT application_name AS name FROM pg_stat_activity
     WHERE datname = current_database() AND starts_with(application_name, $1)`,
    [prefix],
  )
  return new Set(rows.map(({ name }) => name.slice(prefix.length).split('+', 1)[0] ?? ''))
}
