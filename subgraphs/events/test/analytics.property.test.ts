import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { TestPostgres } from '@user-stats/postgres/testing'
import {
  between,
  boundsOf,
  counted,
  namedBy,
  namedByAll,
  nameOf,
  recordAll,
  seriesQuery,
  type Sent,
} from './analytics-support.ts'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
/** On the same database, but reads segments. */
let columnar: Harness
let dir: string
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server)
  dir = await mkdtemp(path.join(os.tmpdir(), 'segments-'))
  columnar = await startEvents(server, {
    database: events.database,
    maintain: false,
    env: { ANALYTICS_CACHE_DIR: dir },
    columnar: { minEvents: 0 },
  })
})
afterAll(async () => {
  await columnar[Symbol.asyncDispose]()
  await events[Symbol.asyncDispose]()
  await server.stop()
  await rm(dir, { recursive: true })
})

/** The answer of PostgreSQL, which is that of segments, too. */
async function ask(query: string, variables: Record<string, unknown>) {
  const { body } = await events.graphql(events.admin, query, variables)
  expect((await columnar.graphql(columnar.admin, query, variables)).body).toEqual(body)
  expect(body.errors).toBeUndefined()
  return body.data
}

let nextStore = 1_000
async function newStores(): Promise<[number, number]> {
  const pair: [number, number] = [nextStore++, nextStore++]
  for (const storeId of pair) await events.introduce(storeId)
  return pair
}

const hourMs = 3_600_000
// Zones with the days of their clock changes, by an hour or half an hour; one has none.
const turns = fc.constantFrom(
  ['Europe/Berlin', '2026-03-29T01:00:00Z'],
  ['Europe/Berlin', '2026-10-25T01:00:00Z'],
  ['America/New_York', '2026-03-08T07:00:00Z'],
  ['America/New_York', '2026-11-01T06:00:00Z'],
  ['America/Havana', '2026-11-01T05:00:00Z'],
  ['Africa/Cairo', '2026-04-23T22:00:00Z'],
  ['Africa/Casablanca', '2026-03-22T02:00:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30:00Z'],
  ['Asia/Kathmandu', '2026-05-01T18:15:00Z'],
  ['UTC', '2026-06-01T00:00:00Z'],
  ['UTC', '2026-03-01T00:00:00Z'],
  ['UTC', '2026-04-13T00:00:00Z'],
  ['UTC', '2026-01-31T00:00:00Z'],
) as fc.Arbitrary<[string, string]>
const daysOf = { HOUR: 3, DAY: 8, WEEK: 25, MONTH: 70 } as const
const someEvents = (count: number, days: number) =>
  fc.array(
    fc.record({
      store: fc.nat(1),
      type: fc.constantFrom('view', 'buy', 'Ünïcode'),
      userId: fc.constantFrom('ann', 'bob', 'cem', 'dua'),
      // Quarters of an hour around the change, and adjacent milliseconds.
      quarter: fc.integer({ min: -days * 96, max: days * 96 }),
      beside: fc.constantFrom(-1, 0, 1),
      data: fc.oneof(
        fc.record({
          price: fc.constantFrom(1, 2.5, -3, 10, '5', null),
          plan: fc.constantFrom('a', 'b', 'c', 1, null),
        }),
        fc.constant({}),
      ),
    }),
    { minLength: 1, maxLength: count },
  )

const scenario = fc
  .record({ turn: turns, granularity: fc.constantFrom('HOUR', 'DAY', 'WEEK', 'MONTH') })
  .chain(({ turn, granularity }) =>
    fc.record({
      zone: fc.constant(turn[0]),
      turn: fc.constant(Date.parse(turn[1])),
      granularity: fc.constant(granularity),
      sent: someEvents(60, Math.ceil(1.2 * daysOf[granularity])),
      // Whole days as often as odd instants.
      before: fc.oneof(
        fc.nat(daysOf[granularity] * 24),
        fc.nat(daysOf[granularity]).map((days) => days * 24),
      ),
      after: fc.oneof(
        fc.integer({ min: 1, max: daysOf[granularity] * 24 }),
        fc.integer({ min: 1, max: daysOf[granularity] }).map((days) => days * 24),
      ),
      odd: fc.constantFrom(0, 0, 0, 1, 1_234_567),
      types: fc.option(fc.subarray(['view', 'buy'], { minLength: 1 })),
      by: fc.constantFrom(null, 'TYPE', 'STORE', 'DATA'),
      top: fc.integer({ min: 1, max: 4 }),
    }),
  )

const keyOf = (by: string | null, event: Sent): string | null => {
  if (by === 'TYPE') return event.type
  if (by === 'STORE') return String(event.storeId)
  const plan = event.data['plan']
  return plan == null ? null : JSON.stringify(plan).replaceAll('"', '')
}

function percentileOf(sorted: readonly number[], fraction: number): number {
  const at = (sorted.length - 1) * fraction
  const low = sorted[Math.floor(at)] ?? NaN
  return low + ((sorted[Math.ceil(at)] ?? NaN) - low) * (at - Math.floor(at))
}

function statisticsOf(sent: readonly Sent[]) {
  const numbers = sent
    .map(({ data }) => data['price'])
    .filter((price) => typeof price === 'number')
    .sort((a, b) => a - b)
  const sum = numbers.reduce((a, b) => a + b, 0)
  const none = numbers.length === 0
  return {
    count: numbers.length,
    sum,
    mean: none ? null : expect.closeTo(sum / numbers.length, 9),
    min: numbers[0] ?? null,
    max: numbers.at(-1) ?? null,
    percentiles: [0, 0.5, 0.9].map((fraction) => ({
      fraction,
      value: none ? null : expect.closeTo(percentileOf(numbers, fraction), 9),
    })),
  }
}

test('series equal a plain count by the calendar of JavaScript, including days of clock changes', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ zone, turn, granularity, types, by, top, ...requested }) => {
      const stores = await newStores()
      const sent = requested.sent
        .map(({ store, type, userId, quarter, beside, data }): Sent => ({
          storeId: stores[store] ?? 0,
          type,
          userId,
          at: turn + quarter * 900_000 + beside,
          data,
        }))
        // Future events are refused.
        .filter(({ at }) => at < Date.now())
      await recordAll(events, sent)
      const from = turn - requested.before * hourMs - requested.odd
      const to = turn + requested.after * hourMs
      const period = (counted_: readonly Sent[], start: number, end: number) => ({
        start: new Date(start).toISOString(),
        end: new Date(end).toISOString(),
        ...counted(between(counted_, start, end)),
      })
      const fitting = sent.filter(({ type }) => types?.includes(type) ?? true)
      const bounds = boundsOf(from, to, zone, granularity)

      const { eventSeries: series } = await ask(seriesQuery.replace('asOf ', ''), {
        filter: {
          storeIds: stores,
          types,
          from: new Date(from).toISOString(),
          to: new Date(to).toISOString(),
        },
        granularity,
        timeZone: zone,
        compare: true,
        groupBy: by === null ? null : { by, top, path: by === 'DATA' ? '$.plan' : null },
        statisticsOf: { path: '$.price', percentiles: [0, 0.5, 0.9] },
      })

      const parts = bounds.slice(1).map((end, at) => [bounds[at] ?? 0, end] as const)
      const starts = bounds.slice(0, -1)
      const point = (counted_: readonly Sent[], start: number, end: number) => ({
        ...period(counted_, start, end),
        ...namedBy(start, zone, granularity),
      })
      const whole = (counted_: readonly Sent[]) => ({
        ...period(counted_, from, to),
        ...namedByAll(starts, zone, granularity),
      })
      expect(series.points).toEqual(
        parts.map(([start, end], at) => ({
          ...point(fitting, start, end),
          statistics: statisticsOf(between(fitting, start, end)),
          // The bounds of the previous period are tested by examples; its counts, here.
          previous: expect.objectContaining(
            counted(
              between(
                fitting,
                Date.parse(series.points[at].previous.start),
                Date.parse(series.points[at].previous.end),
              ),
            ),
          ),
        })),
      )
      expect(series.totals).toMatchObject({
        ...whole(fitting),
        statistics: statisticsOf(between(fitting, from, to)),
      })
      expect(Date.parse(series.totals.previous.end)).toBeLessThanOrEqual(from)

      const sizes = new Map<string | null, number>()
      for (const event of between(fitting, from, to))
        sizes.set(keyOf(by, event), (sizes.get(keyOf(by, event)) ?? 0) + 1)
      const sorted = [...sizes].sort(
        ([a, n], [b, m]) => m - n || (a === null ? 1 : b === null ? -1 : a < b ? -1 : 1),
      )
      const keys = sorted.slice(0, top).map(([key]) => key)
      const groupOf = (event: Sent) => (keys.includes(keyOf(by, event)) ? keyOf(by, event) : 'other')
      const group = (key: string | null, isOther: boolean) => {
        const own = fitting.filter((event) => groupOf(event) === (isOther ? 'other' : key))
        return {
          key,
          isOther,
          points: parts.map(([start, end]) => ({
            ...point(own, start, end),
            statistics: statisticsOf(between(own, start, end)),
          })),
          totals: expect.objectContaining(whole(own)),
        }
      }
      expect(series.groups).toEqual(
        by === null
          ? []
          : [...keys.map((key) => group(key, false)), ...(sorted.length > top ? [group(null, true)] : [])],
      )
      expect(series.rankedBy).toBe(by === null ? null : 'EVENTS')
      expect(series.beyondTop).toEqual(
        by === null
          ? null
          : {
              groups: sorted.length - keys.length,
              events: sorted.slice(top).reduce((sum, [, n]) => sum + n, 0),
            },
      )
    }),
    { numRuns: 60 },
  )
})

const step = fc.record({
  types: fc.option(fc.subarray(['view', 'cart', 'buy'], { minLength: 1 })),
  data: fc.option(fc.constant([{ path: '$.price', greaterThan: 2 }])),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
const fits = (step: Step | undefined, event: Sent): boolean =>
  step !== undefined &&
  (step.types?.includes(event.type) ?? true) &&
  (step.data === null || Number(event.data['price']) > 2)

/** How far a user gets: from each start, the earliest matching event is as good as any. */
function depthOf(own: readonly Sent[], steps: readonly Step[], withinMs: number): number {
  const sorted = own.toSorted((a, b) => a.at - b.at)
  const depths = sorted.map((start) => {
    if (!fits(steps[0], start)) return 0
    let depth = 1
    let last = start.at
    for (const event of sorted)
      if (
        depth < steps.length &&
        event.at > last &&
        event.at - start.at <= withinMs &&
        fits(steps[depth], event)
      ) {
        depth += 1
        last = event.at
      }
    return depth
  })
  return Math.max(0, ...depths)
}

const byUser = (sent: readonly Sent[]): Sent[][] =>
  Object.values(Object.groupBy(sent, ({ storeId, userId }) => `${String(storeId)} ${userId}`)).map(
    (own) => own ?? [],
  )

test('funnels equal a search from every event of every user', async () => {
  const start = Date.parse('2026-03-27T00:00:00Z')
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          store: fc.nat(1),
          type: fc.constantFrom('view', 'cart', 'buy'),
          userId: fc.constantFrom('ann', 'bob', 'cem'),
          // Few instants, so that some events share one.
          hour: fc.integer({ min: -3, max: 75 }),
          price: fc.constantFrom(1, 2, 3),
        }),
        { minLength: 1, maxLength: 60 },
      ),
      fc.array(step, { minLength: 2, maxLength: 5 }),
      fc.constantFrom(1, 3_600, 7_200, 36_000, 7_776_000),
      async (made, steps, withinSeconds) => {
        const stores = await newStores()
        const sent = made.map(({ store, type, userId, hour, price }): Sent => ({
          storeId: stores[store] ?? 0,
          type,
          userId,
          at: start + hour * hourMs,
          data: { price },
        }))
        await recordAll(events, sent)
        const answer = await ask(
          `query($filter: EventFilterInput!, $steps: [FunnelStepInput!]!, $withinSeconds: Int!) {
             funnel(filter: $filter, steps: $steps, withinSeconds: $withinSeconds) { exact from to steps { users conversion } }
           }`,
          { filter: { storeIds: stores, fromDay: '2026-03-27', toDay: '2026-03-30' }, steps, withinSeconds },
        )
        const depths = byUser(between(sent, start, start + 72 * hourMs)).map((own) =>
          depthOf(own, steps, withinSeconds * 1_000),
        )
        const users = steps.map((_step, at) => depths.filter((depth) => depth > at).length)
        expect(answer.funnel.steps).toEqual(
          users.map((count) => ({
            users: count,
            conversion: users[0] === 0 ? null : count / (users[0] ?? 0),
          })),
        )
      },
    ),
    { numRuns: 40 },
  )
})

test('retention equals a count of weeks by the calendar of JavaScript', async () => {
  const dayMs = 24 * hourMs
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('UTC', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu'),
      fc.array(
        fc.record({
          store: fc.nat(1),
          type: fc.constantFrom('view', 'buy'),
          userId: fc.constantFrom('ann', 'bob', 'cem', 'dua', 'eve'),
          quarter: fc.integer({ min: -30 * 96, max: 70 * 96 }),
        }),
        { minLength: 1, maxLength: 40 },
      ),
      fc.constantFrom(0, 1, 3, 7),
      fc.integer({ min: 1, max: 6 }),
      fc.option(fc.constantFrom(1, 10)),
      fc.option(fc.constant<string[]>(['view'])),
      async (zone, made, shift, weeks, lookBackDays, types) => {
        const stores = await newStores()
        // A Monday in UTC, or some days later; 8 weeks around the clock changes in spring.
        const from = Date.parse('2026-03-02T00:00:00Z') + shift * dayMs
        const to = from + 56 * dayMs
        const sent = made.map(({ store, type, userId, quarter }): Sent => ({
          storeId: stores[store] ?? 0,
          type,
          userId,
          at: from + quarter * 900_000,
          data: {},
        }))
        await recordAll(events, sent)
        const answer = await ask(
          `query($filter: EventFilterInput!, $weeks: Int!, $lookBackDays: Int, $timeZone: String!) {
             retention(filter: $filter, weeks: $weeks, lookBackDays: $lookBackDays, timeZone: $timeZone) {
               label cohorts { start end date label users weeks { week date label users rate } }
             }
           }`,
          {
            filter: {
              storeIds: stores,
              types,
              from: new Date(from).toISOString(),
              to: new Date(to).toISOString(),
            },
            weeks,
            lookBackDays,
            timeZone: zone,
          },
        )
        const fitting = sent.filter(({ type }) => types?.includes(type) ?? true)
        const bounds = boundsOf(from, to, zone, 'WEEK')
        const weekOf = (at: number): number =>
          Number(nameOf(at, zone, 'WEEK')) - Number(nameOf(from, zone, 'WEEK'))
        const since = lookBackDays === null ? -Infinity : from - lookBackDays * dayMs
        const fresh = byUser(fitting)
          .filter((own) => between(own, since, from).length === 0)
          .map((own) => new Set(between(own, from, to).map(({ at }) => weekOf(at))))
          .filter((active) => active.size > 0)
        const expected = bounds.slice(1).map((end, cohort) => {
          const own = fresh.filter((active) => Math.min(...active) === cohort)
          return {
            start: new Date(bounds[cohort] ?? 0).toISOString(),
            end: new Date(end).toISOString(),
            ...namedBy(bounds[cohort] ?? 0, zone, 'WEEK'),
            users: own.length,
            weeks: Array.from({ length: Math.min(weeks + 1, bounds.length - 1 - cohort) }, (_, week) => {
              const users = own.filter((active) => active.has(cohort + week)).length
              const name = namedBy(bounds[cohort + week] ?? 0, zone, 'WEEK')
              return { week, ...name, users, rate: own.length === 0 ? null : users / own.length }
            }),
          }
        })
        expect(answer.retention.cohorts).toEqual(expected)
        expect(answer.retention.label).toBe(namedByAll(bounds.slice(0, -1), zone, 'WEEK').label)
      },
    ),
    { numRuns: 40 },
  )
})
