import type { Queryable } from '../databases/queryable.ts'

/**
 * Names of the applied migrations.
 *
 * @throws Error when there are none
 */
export async function appliedMigrations(db: Queryable): Promise<string[]> {
  const { rows: there } = await db.query<{ there: boolean; name: string }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS there, current_database() AS name`,
  )
  if (there[0]?.there !== true)
    throw new Error(`the database ${there[0]?.name ?? ''} has never been migrated: there is nothing in it`)
  const { rows } = await db.query<{ name: string }>(
    'SELECT migration_name AS name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY 1',
  )
  return rows.map(({ name }) => name)
}

/** The ids of all master keys in use in the users database. */
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
