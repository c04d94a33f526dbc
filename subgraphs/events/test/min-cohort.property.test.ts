import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { TestPostgres } from '@user-stats/postgres/testing'
import type { SignedInCaller } from '@user-stats/core'
import { recordAll, type Sent } from './analytics-support.ts'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

const least = 3
let server: TestPostgres
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server, {
    env: { MIN_COHORT: String(least), ANALYST_DATA_PATHS: '$.plan,$.vip' },
  })
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

let nextStore = 100
const first = Date.UTC(2026, 2, 2)
const dayMs = 86_400_000
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)
const usersOf = (sent: readonly Sent[]): number => new Set(sent.map(({ userId }) => userId)).size
const groupBy = (sent: readonly Sent[], keyOf: (event: Sent) => string): Sent[][] => [
  ...Map.groupBy(sent, keyOf).values(),
]

/**
 * The model: events of days with enough users and, divided by values, cells that leave none or enough
 * withheld.
 *
 * @param finer a store whose analysts may use a path more
 */
function shown(sent: readonly Sent[], byData: boolean, finer?: number): Sent[] {
  return groupBy(sent, ({ storeId, type, at }) => `${String(storeId)} ${type} ${dayOf(at)}`)
    .filter((cell) => usersOf(cell) >= least)
    .flatMap((cell) => {
      if (!byData) return cell
      const parts = groupBy(cell, ({ storeId, data }) =>
        JSON.stringify([data['plan'], data['vip'], 'vip' in data, storeId === finer ? data['lang'] : null]),
      )
      const [small, large] = [
        parts.filter((part) => usersOf(part) < least),
        parts.filter((part) => usersOf(part) >= least),
      ]
      const withheld = usersOf(small.flat())
      if (withheld === 0 || withheld >= least) return large.flat()
      // The smallest is withheld too. Of several it does not matter which: the test has none.
      const [smallest, ...others] = large.toSorted((a, b) => usersOf(a) - usersOf(b))
      fc.pre(others[0] === undefined || smallest === undefined || usersOf(smallest) < usersOf(others[0]))
      return others.flat()
    })
}

const scenario = fc.array(
  fc.record({
    store: fc.nat(1),
    type: fc.constantFrom('view', 'view', 'buy'),
    userId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
    day: fc.nat(3),
    hour: fc.nat(23),
    data: fc.oneof(
      { weight: 5, arbitrary: fc.record({ plan: fc.constantFrom('x', 'y') }) },
      fc.record({ plan: fc.constantFrom('x', 'y'), lang: fc.constantFrom('de', 'en') }),
      fc.record({ plan: fc.constantFrom('x', 'y'), vip: fc.constantFrom(1, 2) }),
      fc.constant({}),
    ),
  }),
  { minLength: 40, maxLength: 160 },
)

const period = 'start end events users eventsPerUser'
const query = `query(
  $stores: [Int!]!, $one: Int!, $types: [String!], $data: [EventDataConditionInput!], $group: EventGroupByInput,
  $granularity: Granularity!, $from: Date!, $to: Date!
) {
  series: eventSeries(
    filter: { storeIds: $stores, types: $types, data: $data, fromDay: $from, toDay: $to }
    granularity: $granularity, groupBy: $group, compareWithPrevious: true
  ) {
    points { ${period} previous { ${period} } }
    totals { ${period} previous { ${period} } }
    groups { key isOther points { ${period} } totals { ${period} previous { ${period} } } }
    beyondTop { events }
  }
  numbers: eventSeries(
    filter: { storeIds: $stores, types: $types, fromDay: $from, toDay: $to }
    granularity: $granularity, statisticsOf: { path: "$.vip" }
  ) { totals { statistics { count sum min max } } points { statistics { count sum } } }
  funnel(
    filter: { storeIds: $stores, data: $data, fromDay: $from, toDay: $to }
    steps: [{ types: ["view"] }, {}, { types: ["buy"] }], withinSeconds: 432000
  ) { steps { users conversion conversionFromPrevious } }
  retention(filter: { storeIds: $stores, types: $types, data: $data, fromDay: $from, toDay: $to }, weeks: 2) {
    cohorts { users weeks { week users rate } }
  }
  amounts: eventAmount(type: "view", storeId: $one, limit: 100) { date eventAmount }
  averages: eventAverage(type: "view", storeId: $one, limit: 100) { date eventAverage }
  all: storeEventAmount(storeId: $one, limit: 100) { date eventAmount }
  top: topEventTypes(storeId: $one) { type eventAmount }
}`

interface Counted {
  readonly events: number | null
  readonly [member: string]: unknown
}
/** No users and too few users must look the same. */
const orNull = (counted: Counted): Counted => ({
  ...counted,
  ...(counted.events === 0 && { events: null, users: null, eventsPerUser: null }),
  ...(counted['previous'] != null && { previous: orNull(counted['previous'] as Counted) }),
})
const orNoStatistics = ({ statistics, ...rest }: { statistics: { count: number } }) => ({
  ...rest,
  statistics: statistics.count === 0 ? null : statistics,
})
function parts(users: readonly number[]): (number | null)[] {
  let before: number | null = null
  return users.map((own) => {
    const lost = before === null ? 0 : before - own
    if (own < least || (lost > 0 && lost < least)) return null
    before = own
    return own
  })
}

test('an analyst sees what all would see without the events of too few users', async () => {
  await fc.assert(
    fc.asyncProperty(
      scenario,
      fc.constantFrom('DAY', 'WEEK', 'MONTH'),
      fc.option(fc.constantFrom(['view'], ['buy', 'view'])),
      fc.constantFrom<object[] | null>(
        null,
        [{ path: '$.plan', equals: 'x' }],
        [{ path: '$.vip', exists: false }],
        [{ path: '$.vip', greaterOrEqual: 2 }],
      ),
      fc.option(
        fc.constantFrom<{ by: string; path?: string; top: number }>(
          { by: 'TYPE', top: 5 },
          { by: 'STORE', top: 1 },
          { by: 'DATA', path: '$.plan', top: 1 },
          { by: 'DATA', path: '$.vip', top: 4 },
        ),
      ),
      async (requested, granularity, types, data, group) => {
        const stores = [nextStore++, nextStore++]
        const shadows = Array.from({ length: 4 }, () => nextStore++)
        const [plain, byData] = [shadows.slice(0, 2), shadows.slice(2)]
        const sent = requested.map(({ store, day, hour, type, userId, data: about }, at): Sent => ({
          storeId: stores[store] ?? 0,
          type,
          userId,
          data: about,
          at: first + day * dayMs + hour * 3_600_000 + at,
        }))
        const into = (others: readonly number[], list: readonly Sent[]) =>
          list.map((event) => ({ ...event, storeId: others[stores.indexOf(event.storeId)] ?? 0 }))
        const [shownPlain, shownByData] = [shown(sent, false), shown(sent, true, stores[1])]
        for (const id of [...stores, ...shadows]) await events.introduce(id)
        // Cells of a store are divided by its own paths, whatever other stores are requested.
        await events.graphql(
          events.service,
          'mutation($input: ApplyStoreSettingsInput!) { applyStoreSettings(input: $input) { eventsDeleted } }',
          {
            input: { commandId: 2, storeId: stores[1], analystDataPaths: ['$.lang', '$.vip', '$.plan'] },
          },
        )
        await recordAll(events, sent)
        for (const list of [into(plain, shownPlain), into(byData, shownByData)])
          if (list.length > 0) await recordAll(events, list)

        const range = { from: dayOf(first), to: dayOf(first + 3 * dayMs) }
        const run = async (caller: SignedInCaller, ids: readonly number[]) => {
          const { body } = await events.graphql(caller, query, {
            stores: ids,
            one: ids[0],
            types,
            data,
            group,
            granularity,
            ...range,
          })
          if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors))
          return body.data
        }
        const [analyst, admin] = [await run(events.analyst(), stores), await run(events.admin, stores)]
        const [likePlain, likeByData] = [await run(events.admin, plain), await run(events.admin, byData)]
        const like = data === null ? likePlain : likeByData
        const grouped = data === null && group?.by !== 'DATA' ? likePlain : likeByData

        // Stores as keys of groups are called otherwise in the model.
        const named = (key: string | null) => {
          const shadow = group?.by === 'STORE' ? shadows.indexOf(Number(key)) : -1
          return shadow === -1 ? key : String(stores[shadow % 2])
        }
        expect(analyst.series.points).toEqual(like.series.points.map(orNull))
        expect(analyst.series.totals).toEqual(orNull(like.series.totals))
        const shownGroups = analyst.series.groups.filter(
          ({ totals }: { totals: Counted }) => totals.events !== null,
        )
        expect(shownGroups).toEqual(
          grouped.series.groups.map((one: { key: string | null; points: Counted[]; totals: Counted }) => ({
            ...one,
            key: named(one.key),
            points: one.points.map(orNull),
            totals: orNull(one.totals),
          })),
        )
        const beyond: number | null = grouped.series.beyondTop?.events ?? null
        expect(analyst.series.beyondTop).toEqual(
          group === null ? null : { events: beyond === 0 ? null : beyond },
        )
        expect(analyst.numbers).toEqual({
          totals: orNoStatistics(likeByData.numbers.totals),
          points: likeByData.numbers.points.map(orNoStatistics),
        })
        const reached = parts(like.funnel.steps.map(({ users }: { users: number }) => users))
        expect(analyst.funnel.steps.map(({ users }: { users: number | null }) => users)).toEqual(reached)
        expect(analyst.retention.cohorts).toEqual(
          like.retention.cohorts.map(
            ({ users, weeks }: { users: number; weeks: { week: number; users: number }[] }) => ({
              users: users < least ? null : users,
              weeks: weeks.map((one) => {
                const own = users < least ? null : (parts([users, one.users])[1] ?? null)
                return { week: one.week, users: own, rate: own === null ? null : own / users }
              }),
            }),
          ),
        )
        for (const [name, member] of [
          ['amounts', 'eventAmount'],
          ['averages', 'eventAverage'],
          ['all', 'eventAmount'],
        ] as const) {
          const values = new Map(
            likePlain[name].map((day: Record<string, unknown>) => [day['date'], day[member]]),
          )
          // Every day with events is included; those without visible counts are null.
          expect(analyst[name]).toEqual(
            admin[name].map(({ date }: { date: string }) => ({ date, [member]: values.get(date) ?? null })),
          )
        }
        const amounts = new Map(
          likePlain.top.map(({ type, eventAmount }: { type: string; eventAmount: number }) => [
            type,
            eventAmount,
          ]),
        )
        expect(analyst.top).toEqual(
          admin.top
            .map(({ type }: { type: string }) => ({ type, eventAmount: amounts.get(type) ?? null }))
            .sort(
              (
                a: { type: string; eventAmount: number | null },
                b: { type: string; eventAmount: number | null },
              ) => (b.eventAmount ?? -1) - (a.eventAmount ?? -1) || (a.type < b.type ? -1 : 1),
            ),
        )
        // All others see everything.
        expect(
          admin.all.reduce((sum: number, day: { eventAmount: number }) => sum + day.eventAmount, 0),
        ).toBe(sent.filter(({ storeId }) => storeId === stores[0]).length)
      },
    ),
    { numRuns: 8, endOnFailure: true },
  )
}, 240_000)
