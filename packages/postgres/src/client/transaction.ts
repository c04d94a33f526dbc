import type { ClientBase, Pool, PoolClient } from 'pg'

/** Runs work in a transaction of a connection; rolls back when it fails. */
export async function inTransaction<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  try {
    const result = await work()
    await client.query('COMMIT')
    return result
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

export interface TransactionOptions {
  /** Begins the transaction; by default `BEGIN`. */
  readonly begin?: (client: PoolClient) => Promise<unknown>
  /** Called in the end: whether the connection must not be used again. */
  readonly discard?: () => boolean
}

/** Runs work in one transaction on a connection of a pool. A connection that cannot roll back is closed. */
export async function inPoolTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  { begin = (client) => client.query('BEGIN'), discard = () => false }: TransactionOptions = {},
): Promise<T> {
  const client = await pool.connect()
  let broken = true
  try {
    await begin(client)
    const result = await work(client)
    await client.query('COMMIT')
    broken = false
    return result
  } catch (error) {
    broken = await client.query('ROLLBACK').then(
      () => false,
      () => true,
    )
    throw error
  } finally {
    const discarded = discard()
    client.release(broken || discarded)
  }
}
