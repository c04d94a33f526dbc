import type { Pool, PoolClient } from 'pg'
import { inPoolTransaction, isStatementTimeout, withQueryTimeout } from '@user-stats/prisma-events'
import { DomainError, refuseAborted } from '@user-stats/core'
import { cancelOn } from './cancel-query.ts'

const tables = ['events', 'user_type_days', 'user_days'] as const

const begin = (timeout: number): string =>
  // Lock the tables first: a snapshot that waits for locks would be older than what was committed meanwhile.
  `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = ${String(Math.round(timeout))};
   LOCK TABLE ${tables.map((table) => `ONLY ${table}`).join(', ')} IN ACCESS SHARE MODE`

async function backendOf(client: PoolClient): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return rows[0]?.pid ?? 0
}

/**
 * Reads in one snapshot, during which no month can be dropped.
 *
 * @param timeout milliseconds of one statement
 * @param signal cancels the running statement and prevents further ones
 * @throws QUERY_TOO_EXPENSIVE when one takes longer
 */
export async function inSnapshot<T>(
  pool: Pool,
  timeout: number,
  work: (client: PoolClient) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  refuseAborted(signal)
  let cancelling: ReturnType<typeof cancelOn> | undefined
  try {
    return await inPoolTransaction(pool, work, {
      begin: async (client) => {
        if (signal !== undefined) cancelling = cancelOn(signal, pool, await backendOf(client))
        await client.query(withQueryTimeout({ text: begin(timeout) }, timeout))
      },
      discard: () => {
        cancelling?.stop()
        // A late cancel request must not hit the work of another user of the connection.
        return signal?.aborted === true
      },
    })
  } catch (error) {
    refuseAborted(signal, error)
    if (isStatementTimeout(error)) throw new DomainError('QUERY_TOO_EXPENSIVE', { cause: error })
    throw error
  }
}
