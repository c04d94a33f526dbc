import { setTimeout as pause } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import { lockStoreSoon, shareStores } from '../modules/access/access.service.ts'
import { isConflict, isLockTimeout } from './sql-state.ts'

const attempts = 5
/** Milliseconds in which a lock has to be had, and between two attempts. */
const lockDeadline = 10_000
const lockPause = 20

/** Runs work in one transaction; a deadlock, a serialization failure and a lock timeout are tried again. */
async function transact<T>(pool: Pool, lock: string, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const deadline = performance.now() + lockDeadline
  for (let attempt = 1; ;) {
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
      if (isConflict(error) && attempt < attempts) attempt += 1
      else if (!isLockTimeout(error) || performance.now() >= deadline) throw error
    } finally {
      client.release(broken)
    }
    await pause(lockPause)
  }
}

/**
 * Runs work in one transaction that holds a store's lock alone: writers of the store have committed before it starts
 * and wait until it ends. Until it has the lock it lets them pass again and again. A deadlock or a serialization failure
 * is tried again.
 */
export const withExclusiveStoreLock = <T>(
  pool: Pool,
  storeId: number,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> => transact(pool, lockStoreSoon(storeId), work)

/**
 * Runs work in one transaction beside the store's writers; whoever wants to be alone with the store waits until it
 * ends. A deadlock or a serialization failure is tried again.
 */
export const withSharedStoreLock = <T>(
  pool: Pool,
  storeId: number,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> => transact(pool, shareStores([storeId]), work)
