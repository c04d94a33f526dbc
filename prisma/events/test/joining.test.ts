import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Pool } from 'pg'
import { sharedTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import { eventsDbOver, eventsSchema, type EventsDb } from '../src/index.ts'

let server: TestPostgres
let pool: Pool
let db: EventsDb
beforeAll(async () => {
  server = await sharedTestPostgres()
  // One connection: a second one would never be available.
  pool = new Pool({ connectionString: (await server.createDatabase(eventsSchema)).url, max: 1 })
  db = eventsDbOver(pool)
})
afterAll(async () => {
  await pool.end()
  await server.stop()
})

const add = (storeId: number) => ({ data: { storeId, state: 'ACTIVE' as const, commandId: 1 } })
const stores = async () =>
  (await db.prisma.storeAccess.findMany({ orderBy: { storeId: 'asc' } })).map(({ storeId }) => storeId)

test("Prisma's client works inside a transaction of hand-written SQL, on its connection", async () => {
  const client = await pool.connect()
  await client.query('BEGIN')
  await client.query(`INSERT INTO store_access VALUES (1, 'ACTIVE', 1)`)
  const seen = await db.join(client, async (prisma) => {
    await prisma.storeAccess.create(add(2))
    return await prisma.storeAccess.count()
  })
  expect(seen).toBe(2)
  await client.query('ROLLBACK')
  client.release()
  expect(await stores()).toEqual([])
})

test('the initiator of the transaction ends it, also when the work inside fails', async () => {
  const client = await pool.connect()
  await client.query('BEGIN')
  await db.join(client, (prisma) => prisma.storeAccess.create(add(1)))
  await expect(db.join(client, () => Promise.reject(new Error('mine')))).rejects.toThrow('mine')
  await client.query('COMMIT')
  client.release()
  expect(await stores()).toEqual([1])
})

test('a transaction that Prisma begins by itself is its own', async () => {
  await expect(
    db.prisma.$transaction(async (prisma) => {
      await prisma.storeAccess.create(add(3))
      throw new Error('undone')
    }),
  ).rejects.toThrow('undone')
  expect(await stores()).toEqual([1])
})
