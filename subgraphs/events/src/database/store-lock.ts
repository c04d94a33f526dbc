import { setTimeout as pause } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import type { EventsDb, PrismaDb } from '@user-stats/prisma-events'
import { isConflict, isLockTimeout } from './sql-state.ts'

/**
 * PostgreSQL advisory locks on a store: writers share them, whoever changes what may be written holds them alone.
 * A writer takes its lock in a statement of its own, before the one that reads tombstones and access, so that what
 * it reads cannot be older than what it waited for. Store 0 stands for all: every writer shares it, and whoever
 * revokes a key of no store or drops whole months (`drop_months`) holds it alone.
 */
const lockClass = 7_301
const shareStores = (storeIds: readonly number[]): string =>
  // Sorted, so that two writers cannot wait for each other.
  [...new Set([0, ...storeIds])]
    .sort((a, b) => a - b)
    .map((id) => `SELECT pg_advisory_xact_lock_shared(${String(lockClass)}, ${String(id)})`)
    .join(';')

/** Statements that fail with a lock timeout when they wait longer than some milliseconds. */
const soon = (milliseconds: number, statements: string): string =>
  `SET LOCAL lock_timeout = ${String(milliseconds)}; ${statements}; SET LOCAL lock_timeout TO DEFAULT`

/** The same for a batch: events of other stores wait with it. */
export const shareStoresSoon = (storeIds: readonly number[]): string => soon(10, shareStores(storeIds))
/** To be alone with a store; its writers wait behind whoever waits for this. */
const lockStoreSoon = (storeId: number): string =>
  soon(100, `SELECT pg_advisory_xact_lock(${String(lockClass)}, ${String(storeId)})`)

/** Those of some stores whose lock somebody holds alone, or waits for. */
export async function findLockedStores(pool: Pool, storeIds: readonly number[]): Promise<number[]> {
  const { rows } = await pool.query<{ id: number }>(
    `SELECT id FROM unnest($1::int[]) AS s(id)
     WHERE NOT pg_try_advisory_xact_lock_shared(${String(lockClass)}, id)`,
    [[...new Set(storeIds)]],
  )
  return rows.map(({ id }) => id)
}

const attempts = 5
/** Milliseconds in which a lock has to be had, and between two attempts. */
const lockDeadline = 10_000
const lockPause = 20

/** Work in one transaction, by hand-written SQL and by Prisma's client on the same connection. */
type Work<T> = (client: PoolClient, prisma: PrismaDb) => Promise<T>

/** Runs work in one transaction; a deadlock, a serialization failure and a lock timeout are tried again. */
async function transact<T>(db: EventsDb, lock: string, work: Work<T>): Promise<T> {
  const deadline = performance.now() + lockDeadline
  for (let attempt = 1; ;) {
    const client = await db.pool.connect()
    let broken = true
    try {
      await client.query(`BEGIN; ${lock}`)
      const result = await db.join(client, (prisma) => work(client, prisma))
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
export const withExclusiveStoreLock = <T>(db: EventsDb, storeId: number, work: Work<T>): Promise<T> =>
  transact(db, lockStoreSoon(storeId), work)

/**
 * Runs work in one transaction beside the store's writers; whoever wants to be alone with the store waits until it
 * ends. A deadlock or a serialization failure is tried again.
 */
export const withSharedStoreLock = <T>(db: EventsDb, storeId: number, work: Work<T>): Promise<T> =>
  transact(db, shareStores([storeId]), work)
