import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Pool } from 'pg'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { eventsDbOver } from '@user-stats/prisma-events'
import { countQuarters } from '../src/modules/rollup/quarters.ts'
import { between, boundsOf, recordAll, type Sent } from './analytics-support.ts'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server, { maintain: false })
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

const first = Date.UTC(2026, 2, 27)
const dayMs = 86_400_000
// Around the days on which clocks are turned in Berlin and in New York, and, by half an hour, on Lord Howe.
const at = fc.oneof(
  fc.integer({ min: first, max: first + 10 * dayMs - 1 }),
  fc.nat(10 * 96 - 1).map((quarter) => first + quarter * 900_000),
)
const sent = fc.record({
  store: fc.nat(1),
  type: fc.constantFrom('view', 'buy', 'Ünïcode'),
  userId: fc.constantFrom('ann', 'bob'),
  at,
})
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
]

const query = `query($filter: EventFilterInput!, $granularity: Granularity!, $timeZone: String!, $groupBy: EventGroupByInput) {
  eventSeries(filter: $filter, granularity: $granularity, timeZone: $timeZone, groupBy: $groupBy, compareWithPrevious: true) {
    points { start events } totals { events previous { start end events } }
    groups { key isOther points { events } totals { events } }
  }
}`
const countOf = (part: readonly Sent[]) => ({ events: part.length })

let nextStore = 100
/** Records events in two stores of their own. */
async function recordInStores(list: readonly (Omit<Sent, 'storeId' | 'data'> & { store: number })[]) {
  const stores = [nextStore++, nextStore++] as const
  for (const storeId of stores) await events.introduce(storeId)
  const all = list.map(({ store, ...one }): Sent => ({ ...one, storeId: stores[store] ?? 0, data: {} }))
  await recordAll(events, all)
  return { stores, all }
}

test('events in every time zone are counted from rollups alone, and are those of a plain model', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(sent, { minLength: 5, maxLength: 60 }),
      fc.constantFrom(...zones),
      fc.constantFrom('HOUR', 'DAY', 'WEEK', 'MONTH'),
      fc.option(fc.constantFrom(['view'], ['buy', 'view'])),
      fc.option(fc.constantFrom('TYPE', 'STORE')),
      fc.tuple(fc.nat(5 * 96), fc.integer({ min: 5 * 96 + 1, max: 10 * 96 })),
      async (list, timeZone, granularity, types, by, [start, end]) => {
        const { stores, all } = await recordInStores(list)
        // Whoever counted raw events would find none.
        await events.owner.query('DELETE FROM events WHERE store_id = ANY ($1)', [stores])
        const [from, to] = [first + start * 900_000, first + end * 900_000]
        const { body } = await events.graphql(events.admin, query, {
          filter: {
            storeIds: stores,
            types,
            from: new Date(from).toISOString(),
            to: new Date(to).toISOString(),
          },
          timeZone,
          granularity,
          groupBy: by && { by, top: 1 },
        })
        const series = body.data.eventSeries
        const wanted = all.filter(({ type }) => types?.some((one) => one === type) ?? true)
        const bounds = boundsOf(from, to, timeZone, granularity)
        const pointsOf = (some: readonly Sent[]) =>
          bounds.slice(0, -1).map((bound, part) => countOf(between(some, bound, bounds[part + 1] ?? 0)))
        const starts = bounds.slice(0, -1).map((bound) => new Date(bound).toISOString())
        expect(series.points).toEqual(
          pointsOf(wanted).map((count, part) => ({ start: starts[part], ...count })),
        )
        expect(series.totals.events).toBe(between(wanted, from, to).length)
        const { previous } = series.totals
        expect(previous.events).toBe(
          between(wanted, Date.parse(previous.start), Date.parse(previous.end)).length,
        )
        const keyOf = ({ type, storeId }: Sent) => (by === 'TYPE' ? type : String(storeId))
        for (const { key, isOther, points, totals } of series.groups) {
          const own = between(wanted, from, to).filter(
            (event) => (keyOf(event) === series.groups[0].key) !== isOther,
          )
          if (!isOther) expect(own.map(keyOf)).toContain(key)
          expect(totals).toEqual(countOf(own))
          expect(points).toEqual(pointsOf(own))
        }
        expect(series.groups.length > 0).toBe(by !== null && between(wanted, from, to).length > 0)
      },
    ),
    { numRuns: 60 },
  )
})

const countsOf = async (storeId: number) => {
  const { body } = await events.graphql(
    events.store(storeId),
    `{ eventSeries(filter: { fromDay: "2026-03-20", toDay: "2026-04-20" }, granularity: DAY, timeZone: "Asia/Kathmandu") {
         points { date events } } }`,
  )
  return (
    body.errors?.[0].extensions.code ??
    body.data.eventSeries.points.filter(({ events: n }: { events: number }) => n > 0)
  )
}

test('days that an older version wrote are counted from their events, and from then on by quarters', async () => {
  const evening = Date.UTC(2026, 2, 27, 20)
  const hours = [0, 3, 26, 27, 50]
  const { stores } = await recordInStores(
    hours.map((hour) => ({ store: 0, type: 'view', userId: 'ann', at: evening + hour * 3_600_000 })),
  )
  const [storeId] = stores
  const counts = [
    { date: '2026-03-28', events: 2 },
    { date: '2026-03-29', events: 2 },
    { date: '2026-03-30', events: 1 },
  ]
  expect(await countsOf(storeId)).toEqual(counts)
  // As that version leaves it: one day without its quarters, of another some events.
  await events.owner.query('DELETE FROM quarter_totals WHERE store_id = $1', [storeId])
  await events.owner.query('UPDATE day_totals SET quarter_events = events - 1 WHERE store_id = $1', [storeId])
  expect(await countsOf(storeId)).toEqual(counts)
  const served = new Pool({ connectionString: events.database.url, max: 2 })
  await countQuarters(eventsDbOver(served), () => false)
  await served.end()
  await events.owner.query('DELETE FROM events WHERE store_id = $1', [storeId])
  expect(await countsOf(storeId)).toEqual(counts)
})

test('counts outlive the events they were made from, but for days that never were counted so', async () => {
  const { stores } = await recordInStores([
    { store: 0, type: 'view', userId: 'ann', at: Date.UTC(2026, 2, 27, 20) },
    { store: 1, type: 'view', userId: 'ann', at: Date.UTC(2026, 2, 27, 20) },
  ])
  const [counted, uncounted] = stores
  await events.owner.query('UPDATE day_totals SET quarter_events = 0 WHERE store_id = $1', [uncounted])
  await events.owner.query('DELETE FROM events WHERE store_id = ANY ($1)', [stores])
  await events.owner.query(
    `INSERT INTO retention (store_id, raw_from) SELECT unnest($1::int[]), '2026-04-01'`,
    [stores],
  )
  expect(await countsOf(counted)).toEqual([{ date: '2026-03-28', events: 1 }])
  expect(await countsOf(uncounted)).toBe('RANGE_NOT_RETAINED')
})
