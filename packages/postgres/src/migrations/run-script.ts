import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'

/** Lock timeout of a statement in milliseconds: other sessions that need the same table queue behind it. */
const lockTimeout = 100
/** Maximum milliseconds between two attempts. */
const maxPause = 1_000

/** Whether a lock could not be acquired in time. */
export const isLockTimeout = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === '55P03'

/**
 * Runs the script of a migration, which is one transaction. Readers and writers of running services go first:
 * a lock that is not acquired soon is given up, and the script is retried until a deadline. Indexes built
 * concurrently wait for transactions without blocking any.
 *
 * @param deadline milliseconds
 * @throws what `pg` throws; a lock timeout after the deadline
 */
export async function runScript(pool: pg.Pool, script: string, deadline: number): Promise<void> {
  const end = performance.now() + deadline
  const client = await pool.connect()
  try {
    if (!/\bCONCURRENTLY\b/i.test(script)) await client.query(`SET lock_timeout = ${String(lockTimeout)}`)
    for (let wait = lockTimeout; ; wait = Math.min(2 * wait, maxPause))
      try {
        await client.query(script)
        return
      } catch (error) {
        if (!isLockTimeout(error) || performance.now() >= end) throw error
        await pause(wait)
      }
  } finally {
    await client.query('RESET lock_timeout').catch(() => undefined)
    client.release()
  }
}
