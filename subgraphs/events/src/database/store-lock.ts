import type { Pool, PoolClient } from 'pg'
import { lockStore, shareStores } from '../modules/access/access.service.ts'

const attempts = 5

const isConflict = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('40')

/** Runs work in one transaction; a deadlock or a serialization failure is tried again. */
async function transact<T>(pool: Pool, lock: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const client = await pool.connect()
    let broken = true
    try {
      await client.query(`BEGIN; ${lock}`)
      const result = await work(client)
      await client.query('COMMIT')
      broken = false
      return result
    } catch (error) {
      broken = await client.query('ROLLBACK').then(
        () => false,
        () => true,
      )
      if (!isConflict(error) || attempt === attempts) throw error
    } finally {
      client.release(broken)
    }
  }
}

/**
 * Runs work in one transaction that holds a store's lock alone: writers of the store have committed before it starts
 * and wait until it ends. A deadlock or a serialization failure is tried again.
 */
export const aloneWithStore = <T>(
  pool: Pool,
  storeId: number,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> => transact(pool, lockStore(storeId), work)

/**
 * Runs work in one transaction beside the store's writers; whoever wants to be alone with the store waits until it
 * ends. A deadlock or a serialization failure is tried again.
 */
export const besideWriters = <T>(
  pool: Pool,
  storeId: number,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> => transact(pool, shareStores([storeId]), work)
