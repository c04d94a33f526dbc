import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { isDatabaseUnavailable, runWorkload } from '@user-stats/core'
import { openServingPool } from '../src/client/pool.ts'
import { startTestPostgres, type TestPostgres } from '../src/testing/test-postgres.ts'
import { query } from './helpers.ts'

let server: TestPostgres
let url: string
beforeAll(async () => {
  server = await startTestPostgres()
  ;({ url } = await server.createDatabase())
})
afterAll(() => server.stop())

/** A pool whose `held` statements last until they are released. */
async function start(maxConnections: number, maxWaiting = 100) {
  const pool = openServingPool({ url, maxConnections, maxWaiting, name: 'pool test' })
  const owner = openServingPool({ url, name: 'holder' })
  const holder = await owner.connect()
  await holder.query('SELECT pg_advisory_lock(1)')
  return {
    pool,
    /** A statement of a tenant that waits for a lock. */
    held: (tenant: string): Promise<string> =>
      as(tenant, pool, 'SELECT pg_advisory_lock_shared(1)').then(
        () => 'done',
        (error: unknown) => (isDatabaseUnavailable(error) ? 'unavailable' : String(error)),
      ),
    running: async (): Promise<number> => {
      const [row] = await query<{ n: number }>(
        server.superuserUrl,
        `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'pool test' AND wait_event = 'advisory'`,
      )
      return row?.n ?? 0
    },
    letGo: () => holder.query('SELECT pg_advisory_unlock(1)'),
    async [Symbol.asyncDispose]() {
      holder.release(true)
      await Promise.all([pool.end(), owner.end()])
    },
  }
}
const as = (tenant: string | undefined, pool: Pool, text: string): Promise<unknown> =>
  runWorkload(tenant === undefined ? undefined : { tenant, caller: '' }, () => pool.query(text))

async function until(is: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000
  while (!(await is())) if (Date.now() > end) throw new Error('it never was')
}

test('one tenant holds half of the connections at most, however many statements it has queued', async () => {
  await using system = await start(4)
  const { pool, held, running, letGo } = system
  const statements = Array.from({ length: 20 }, () => held('greedy'))
  await until(async () => (await running()) === 2)
  for (let n = 0; n < 20; n += 1) await as('other', pool, 'SELECT 1')
  const client = await runWorkload({ tenant: 'another', caller: '' }, () => pool.connect())
  await client.query('SELECT 1')
  client.release()
  expect(await running()).toBe(2)
  await letGo()
  expect(new Set(await Promise.all(statements))).toEqual(new Set(['done']))
})

test('a full queue refuses the tenant that filled it, and no other', async () => {
  await using system = await start(2, 3)
  const { pool, held, running, letGo } = system
  const statements = Array.from({ length: 6 }, () => held('greedy'))
  expect(await Promise.all(statements.slice(4))).toEqual(['unavailable', 'unavailable'])
  await until(async () => (await running()) === 1)
  await as('other', pool, 'SELECT 1')
  await letGo()
  expect(new Set(await Promise.all(statements.slice(0, 4)))).toEqual(new Set(['done']))
})

test('the background work of the service may hold all connections, and lets tenants go first between two statements', async () => {
  await using system = await start(2)
  const { pool, running, letGo } = system
  const own = Array.from({ length: 4 }, () =>
    as(undefined, pool, 'SELECT pg_advisory_lock_shared(1); SELECT pg_advisory_unlock_shared(1)'),
  )
  await until(async () => (await running()) === 2)
  const order: string[] = []
  const other = as('shop', pool, 'SELECT 1').then(() => order.push('shop'))
  for (const statement of own.slice(2)) void statement.then(() => order.push('service'))
  await letGo()
  await Promise.all([...own, other])
  expect(order[0]).toBe('shop')
})

test('failed statements and broken connections release what they held', async () => {
  await using system = await start(2)
  const { pool } = system
  for (let n = 0; n < 6; n += 1) {
    await expect(as('shop', pool, 'SELECT 1 / 0')).rejects.toThrow('division by zero')
    await expect(as('shop', pool, 'SELECT pg_terminate_backend(pg_backend_pid())')).rejects.toThrow()
  }
  const closed = openServingPool({ url: 'postgresql://nobody@127.0.0.1:1/none', maxConnections: 1 })
  for (let n = 0; n < 3; n += 1) await expect(as('shop', closed, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')
  await closed.end()
  await as('shop', pool, 'SELECT 1')
})
