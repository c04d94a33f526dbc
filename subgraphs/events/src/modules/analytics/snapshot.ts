import type { Pool, PoolClient, QueryResultRow } from 'pg'
import { inSnapshot } from '../retention/snapshot.ts'
import type { Parameters } from './parameters.ts'

/** What reads in one snapshot. */
export interface Snapshot {
  readonly client: PoolClient
  /** Runs one statement with the values its text names. */
  readonly rows: <Row extends QueryResultRow>(text: string, parameters: Parameters) => Promise<Row[]>
}

/**
 * Reads in one snapshot of the database.
 *
 * @param timeout milliseconds for all statements together
 * @throws QUERY_TOO_EXPENSIVE when they take longer
 */
export async function readWithin<T>(
  pool: Pool,
  timeout: number,
  work: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  return await inSnapshot(pool, timeout, async (client) => {
    const deadline = performance.now() + timeout
    return await work({
      client,
      rows: async <Row extends QueryResultRow>(text: string, { values }: Parameters): Promise<Row[]> => {
        const left = Math.max(1, Math.floor(deadline - performance.now()))
        await client.query(`SET LOCAL statement_timeout = ${String(left)}`)
        return (await client.query<Row>({ text, values })).rows
      },
    })
  })
}
