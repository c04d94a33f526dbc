import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { schemaDrift } from '@user-stats/postgres'
import { sharedTestPostgres, type TestPostgres } from '@user-stats/postgres/testing'
import {
  changesOfSchema,
  migrateThreeAtOnce,
  query,
  tablesNotLedByStore,
} from '@user-stats/postgres/testing/migrations'
import { eventsSchema } from '../src/index.ts'

let server: TestPostgres
/** A migrated database, as the role that serves. */
let served: string
beforeAll(async () => {
  server = await sharedTestPostgres()
  served = (await server.createDatabase(eventsSchema)).url
})
afterAll(() => server.stop())

test('the migrations build what the Prisma schema describes', async () => {
  expect(await schemaDrift({ url: server.superuserUrl, ...eventsSchema })).toBe('')
})

test('migrating three times at once applies each migration once, and again nothing', async () => {
  const { ownerUrl } = await server.createDatabase()
  const { applied, again, status } = await migrateThreeAtOnce({ url: ownerUrl, ...eventsSchema })
  expect(applied.length).toBeGreaterThan(0)
  expect(new Set(applied).size).toBe(applied.length)
  expect(again).toEqual({ applied: [] })
  expect(status).toEqual({ applied, pending: [], failed: [], unknown: [], edited: [] })
})

test('keys and constraints lead with the store', async () => {
  expect(await tablesNotLedByStore(served)).toEqual([])
})

test.each(changesOfSchema('events'))('the serving role may not: %s', async (statement) => {
  await expect(query(served, statement)).rejects.toThrow(/permission denied|must be owner/)
})

test('the serving role makes the partitions of a month by their function, as often as it likes', async () => {
  for (let run = 0; run < 2; run += 1) await query(served, "SELECT ensure_month('2031-05-17')")
  const [row] = await query<{ event: string | null; day: string | null }>(
    served,
    "SELECT to_regclass('events_y2031m05') AS event, to_regclass('user_days_y2031m05') AS day",
  )
  expect(row).toEqual({ event: 'events_y2031m05', day: 'user_days_y2031m05' })
})
