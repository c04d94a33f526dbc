import type { Pool, PoolClient } from 'pg'
import { DomainError } from '@user-stats/service'

const tables = ['events', 'user_type_days', 'user_days'] as const

/**
 * Reads in one snapshot, from which no month can be dropped until the reading ends.
 *
 * @param timeout milliseconds a statement may take
 * @throws QUERY_TOO_EXPENSIVE when one takes longer
 */
export async function inSnapshot<T>(
  pool: Pool,
  timeout: number,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  let broken = true
  try {
    await client.query(
      // The tables first: a snapshot that waits for them would be older than what happened meanwhile.
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${String(Math.round(timeout))};
       LOCK TABLE ${tables.map((table) => `ONLY ${table}`).join(', ')} IN ACCESS SHARE MODE`,
    )
    const result = await work(client)
    await client.query('COMMIT')
    broken = false
    return result
  } catch (error) {
    broken = await client.query('ROLLBACK').then(
      () => false,
      () => true,
    )
    if (error instanceof Error && 'code' in error && error.code === '57014')
      throw new DomainError('QUERY_TOO_EXPENSIVE', { cause: error })
    throw error
  } finally {
    client.release(broken)
  }
}
