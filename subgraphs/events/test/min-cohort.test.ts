import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
const today = new Date().toISOString().slice(0, 10)
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server, { env: { MIN_COHORT: '3' } })
  await events.introduce(1)
  for (const [type, users] of [
    ['view', ['a', 'b', 'c', 'c']],
    ['buy', ['a', 'b']],
  ] as const)
    for (const user of users)
      await events.send('POST', '/api/event', events.store(1), { type, user_id: user, data: {} })
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

test.each([
  ['/api/event/amount/view', 'event_amount', 4, 4],
  ['/api/event/amount/buy', 'event_amount', null, 2],
  ['/api/event/avg-time/view', 'event_avg_time', 4 / 3, 4 / 3],
  ['/api/event/avg-time/buy', 'event_avg_time', null, 1],
  ['/api/event/store-events-amount/1', 'event_amount', 4, 6],
])(
  'over REST, %s is null for analysts where users are too few, and excluded from the total',
  async (path, member, analyst, others) => {
    for (const [caller, value] of [
      [events.analyst(1), analyst],
      [events.analyst(), analyst],
      [events.store(1), others],
      [events.admin, others],
    ] as const) {
      const { status, body } = await events.send('GET', path, caller)
      expect([status, body]).toEqual([200, [{ date: today, [member]: value }]])
    }
  },
)

test('a store by reference and the list of types withhold the same', async () => {
  const query = `{
    topEventTypes { type eventAmount }
    _entities(representations: [{ __typename: "Store", id: 1 }]) { ... on Store { eventAmount { eventAmount } buy: eventAmount(type: "buy") { eventAmount } } }
  }`
  expect((await events.graphql(events.analyst(), query)).body.data).toEqual({
    topEventTypes: [
      { type: 'view', eventAmount: 4 },
      { type: 'buy', eventAmount: null },
    ],
    _entities: [{ eventAmount: [{ eventAmount: 4 }], buy: [{ eventAmount: null }] }],
  })
})

const series = (filter: string, more = '') =>
  `{ eventSeries(filter: { ${filter} }, granularity: ${more.includes('HOUR') ? 'HOUR' : 'DAY'} ${more.replace('HOUR', '')}) { totals { events } } }`

test.each([
  ['an hour', series('fromDay: "2026-11-01"', 'HOUR'), 'granularity must be DAY, WEEK or MONTH'],
  [
    'another calendar',
    series('fromDay: "2026-11-01"', ', timeZone: "Europe/Berlin"'),
    'timeZone must be UTC',
  ],
  ['a part of a day', series('from: "2026-11-01T05:00:00Z"'), 'from and to must be midnights'],
  [
    'a part of a day in a funnel',
    '{ funnel(filter: { fromDay: "2026-11-01" }, steps: [{}, {}], withinSeconds: 60) { steps { users } } }',
    'withinSeconds must be a multiple of 86,400',
  ],
])('analysts may not request %s, all others may', async (_what, query, rule) => {
  const { body } = await events.graphql(events.analyst(), query)
  expect(body.errors[0].extensions.code).toBe('FORBIDDEN')
  expect(body.errors[0].message).toContain(rule)
  expect((await events.graphql(events.store(1), query)).body.errors).toBeUndefined()
})

test('aggregates of analysts read rollups only, also where cells are withheld', async () => {
  // A count of raw events would find none.
  await events.owner.query('DELETE FROM events')
  expect((await events.send('GET', '/api/event/amount/view', events.analyst(1))).body).toEqual([
    { date: today, event_amount: 4 },
  ])
  const { body } = await events.graphql(
    events.analyst(),
    `{ eventSeries(filter: { fromDay: "2026-01-01" }, granularity: MONTH, groupBy: { by: TYPE }) {
         totals { events users } groups { key totals { events users } } } }`,
  )
  expect(body.data.eventSeries).toEqual({
    totals: { events: 4, users: 3 },
    groups: [
      { key: 'view', totals: { events: 4, users: 3 } },
      { key: 'buy', totals: { events: null, users: null } },
    ],
  })
})
