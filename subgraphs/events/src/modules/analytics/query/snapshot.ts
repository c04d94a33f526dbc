import type { Pool, PoolClient, QueryResultRow } from 'pg'
import { withQueryTimeout } from '@user-stats/prisma-events'
import { refuseAborted } from '@user-stats/core'
import { inSnapshot } from '../../../database/snapshot.ts'
import type { Parameters } from './sql-parameters.ts'

/** A reader of one snapshot. */
export interface Snapshot {
  readonly client: PoolClient
  /** Runs one statement with its parameters. */
  readonly rows: <Row extends QueryResultRow>(text: string, parameters: Parameters) => Promise<Row[]>
  /** Milliseconds until its time is over. */
  readonly timeLeft: () => number
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/**
 * Reads in one snapshot of the database.
 *
 * @param timeout milliseconds for all statements together
 * @param signal aborts the reading
 * @throws QUERY_TOO_EXPENSIVE when they take longer
 */
export async function readWithin<T>(
  pool: Pool,
  timeout: number,
  work: (snapshot: Snapshot) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const reading = async (client: PoolClient): Promise<T> => {
    const deadline = performance.now() + timeout
    const timeLeft = (): number => Math.max(1, Math.floor(deadline - performance.now()))
    return await work({
      client,
      timeLeft,
      signal,
      rows: async <Row extends QueryResultRow>(text: string, { values }: Parameters): Promise<Row[]> => {
        refuseAborted(signal)
        const left = timeLeft()
        await client.query(`SET LOCAL statement_timeout = ${String(left)}`)
        return (await client.query<Row>(withQueryTimeout({ text, values }, left))).rows
      },
    })
  }
  return await inSnapshot(pool, timeout, reading, signal)
}
