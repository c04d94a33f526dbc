import type { Clusters } from '../databases/clusters.ts'
import type { DatabaseName } from '../databases/schemas.ts'
import type { Queryable } from '../tombstones/export.ts'

const migrations = async (db: Queryable): Promise<string[]> => {
  const { rows } = await db.query<{ name: string }>(
    'SELECT migration_name AS name FROM _prisma_migrations WHERE finished_at IS NOT NULL ORDER BY 1',
  )
  return rows.map(({ name }) => name)
}

/** @throws Error when a database was never migrated */
export async function migrationsOf({ users, events }: Clusters): Promise<Record<DatabaseName, string[]>> {
  for (const [name, db] of Object.entries({ users, events })) {
    const { rows } = await db.query<{ there: boolean }>(
      `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS there`,
    )
    if (rows[0]?.there !== true)
      throw new Error(`the ${name} database has never been migrated: there is nothing in it`)
  }
  return { users: await migrations(users), events: await migrations(events) }
}

export interface Counts {
  readonly stores: number
  readonly users: number
  readonly events: number
}

export async function countRows({ users, events }: Pick<Clusters, 'users' | 'events'>): Promise<Counts> {
  const count = async (db: Queryable, table: string) => {
    const { rows } = await db.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`)
    return Number(rows[0]?.n)
  }
  return {
    stores: await count(users, 'stores'),
    users: await count(users, 'users'),
    events: await count(events, 'events'),
  }
}

/** The ids of the master keys that something in the users database is wrapped by. */
export async function masterKeysOf(users: Queryable): Promise<string[]> {
  const { rows: tables } = await users.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.columns
     WHERE table_schema = 'public' AND column_name = 'master_key_id' ORDER BY 1`,
  )
  if (tables.length === 0) return []
  const { rows } = await users.query<{ id: string }>(
    `SELECT DISTINCT id FROM (${tables
      .map(({ name }) => `SELECT master_key_id AS id FROM "${name}"`)
      .join(' UNION ALL ')}) t WHERE id IS NOT NULL ORDER BY 1`,
  )
  return rows.map(({ id }) => id)
}
