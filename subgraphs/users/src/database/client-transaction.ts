import type { PoolClient } from 'pg'
import type { UsersDatabase } from '@user-stats/prisma-users'

/** Runs work in one transaction on a connection of its own, outside Prisma. */
export async function inClientTransaction<T>(
  pool: UsersDatabase['pool'],
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  } finally {
    client.release()
  }
}
