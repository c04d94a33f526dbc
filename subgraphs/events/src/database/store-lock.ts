import { setTimeout as pause } from 'node:timers/promises'
import type { Pool, PoolClient } from 'pg'
import {
  inPoolTransaction,
  isConflict,
  isLockTimeout,
  type EventsDb,
  type PrismaDb,
} from '@user-stats/prisma-events'

/**
 * PostgreSQL advisory locks on stores: writers share them; changes to what may be written take them
 * exclusively. A writer takes its lock in a statement of its own, before the one that reads tombstones and
 * access, so that it reads what was committed while it waited. Store 0 stands for all stores: every writer
 * shares it, and revoking a key of no store or dropping whole months (`drop_months`) takes it exclusively.
 */
const lockClass = 7_301
const shareStores = (storeIds: readonly number[]): string =>
  // Sorted, so that two writers cannot deadlock.
  [...new Set([0, ...storeIds])]
    .sort((a, b) => a - b)
    .map((id) => `SELECT pg_advisory_xact_lock_shared(${String(lockClass)}, ${String(id)})`)
    .join(';')

/** Statements that fail with a lock timeout after some milliseconds. */
const soon = (milliseconds: number, statements: string): string =>
  `SET LOCAL lock_timeout = ${String(milliseconds)}; ${statements}; SET LOCAL lock_timeout TO DEFAULT`

/** The timeout of a batch: events of other stores wait with it. */
export const shareStoresSoon = (storeIds: readonly number[]): string => soon(10, shareStores(storeIds))
/** The timeout of an exclusive lock: the store's writers queue behind it. */
const lockStoreSoon = (storeId: number): string =>
  soon(100, `SELECT pg_advisory_xact_lock(${String(lockClass)}, ${String(storeId)})`)

/** The stores among these whose lock is held or requested exclusively. */
export async function findLockedStores(pool: Pool, storeIds: readonly number[]): Promise<number[]> {
  const { rows } = await pool.query<{ id: number }>(
    `SELECT id FROM unnest($1::int[]) AS s(id)
     WHERE NOT pg_try_advisory_xact_lock_shared(${String(lockClass)}, id)`,
    [[...new Set(storeIds)]],
  )
  return rows.map(({ id }) => id)
}

const attempts = 5
/** Milliseconds until a lock must be acquired, and between two attempts. */
const lockDeadline = 10_000
const lockPause = 20

/** Work in one transaction, with SQL and with Prisma's client on the same connection. */
type Work<T> = (client: PoolClient, prisma: PrismaDb) => Promise<T>

/** Runs work in one transaction; retries after a deadlock, a serialization failure or a lock timeout. */
async function transact<T>(db: EventsDb, lock: string, work: Work<T>): Promise<T> {
  const deadline = performance.now() + lockDeadline
  for (let attempt = 1; ;) {
    try {
      return await inPoolTransaction(db.pool, (client) => db.join(client, (prisma) => work(client, prisma)), {
        begin: (client) => client.query(`BEGIN; ${lock}`),
      })
    } catch (error) {
      if (isConflict(error) && attempt < attempts) attempt += 1
      else if (!isLockTimeout(error) || performance.now() >= deadline) throw error
    }
    await pause(lockPause)
  }
}

/**
 * Runs work in one transaction with the exclusive lock of a store: writers of the store have committed before
 * it starts, and wait until it ends. Until it has the lock it lets them pass between its attempts. Retries
 * after a deadlock or a serialization failure.
 */
export const withExclusiveStoreLock = <T>(db: EventsDb, storeId: number, work: Work<T>): Promise<T> =>
  transact(db, lockStoreSoon(storeId), work)

/**
 * Runs work in one transaction with the shared lock of a store, like its writers. Retries after a deadlock or
 * a serialization failure.
 */
export const withSharedStoreLock = <T>(db: EventsDb, storeId: number, work: Work<T>): Promise<T> =>
  transact(db, shareStores([storeId]), work)
