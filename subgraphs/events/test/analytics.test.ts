import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import type { SignedInCaller } from '@user-stats/core'
import { recordAll, seriesOf, seriesQuery, type Sent } from './analytics-support.ts'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server, { env: { ANALYST_DATA_PATHS: "$.plan, $['plan b'].name" } })
  for (let storeId = 1; storeId <= 9; storeId += 1) await events.introduce(storeId)
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

const sent = (
  storeId: number,
  at: string,
  userId = 'ann',
  data: Record<string, unknown> = {},
  type = 'view',
): Sent => ({ storeId, at: Date.parse(at), userId, data, type })
const march = { fromDay: '2026-03-01', toDay: '2026-04-01' }
const daily = { granularity: 'DAY' }
const funnelQuery = `query($filter: EventFilterInput!, $steps: [FunnelStepInput!]!, $withinSeconds: Int! = 60, $timeZone: String! = "UTC") {
  funnel(filter: $filter, steps: $steps, withinSeconds: $withinSeconds, timeZone: $timeZone) {
    asOf timeZone exact from to withinSeconds steps { name users conversion conversionFromPrevious } } }`
const retentionQuery = `query($filter: EventFilterInput!, $weeks: Int! = 8, $lookBackDays: Int, $timeZone: String! = "UTC") {
  retention(filter: $filter, weeks: $weeks, lookBackDays: $lookBackDays, timeZone: $timeZone) {
    asOf timeZone exact from to cohorts { start users } } }`
const codeOf = async (
  caller: SignedInCaller | null,
  query: string,
  variables: Record<string, unknown>,
): Promise<string | null> =>
  (await events.graphql(caller, query, variables)).body.errors?.[0]?.extensions.code ?? null

test('days of clock changes have 23 and 25 hours, and half an hour more or less on Lord Howe', async () => {
  const lengths = async (timeZone: string, fromDay: string, toDay: string, granularity: string) =>
    (
      await seriesOf(events, events.store(1), { filter: { fromDay, toDay }, granularity, timeZone })
    ).points.map((point: any) => (Date.parse(point.end) - Date.parse(point.start)) / 3_600_000)
  expect(await lengths('Europe/Berlin', '2026-03-28', '2026-03-31', 'DAY')).toEqual([24, 23, 24])
  expect(await lengths('Europe/Berlin', '2026-10-24', '2026-10-27', 'DAY')).toEqual([24, 25, 24])
  expect(await lengths('America/New_York', '2026-11-01', '2026-11-02', 'HOUR')).toHaveLength(25)
  expect(await lengths('Australia/Lord_Howe', '2026-04-04', '2026-04-07', 'DAY')).toEqual([24, 24.5, 24])
  expect(await lengths('Australia/Lord_Howe', '2026-10-03', '2026-10-06', 'DAY')).toEqual([24, 23.5, 24])
  expect(await lengths('Australia/Lord_Howe', '2026-04-05', '2026-04-06', 'HOUR')).toEqual([
    1,
    1,
    0.5,
    ...Array.from({ length: 22 }, () => 1),
  ])
  expect(await lengths('Asia/Kathmandu', '2026-04-05', '2026-04-07', 'DAY')).toEqual([24, 24])
  // Havana sets its clock from one o'clock to midnight: the day begins at the first of two midnights.
  const havana = await seriesOf(events, events.store(1), {
    filter: { fromDay: '2026-11-01', toDay: '2026-11-02' },
    ...daily,
    timeZone: 'America/Havana',
  })
  expect([havana.from, havana.to]).toEqual(['2026-11-01T04:00:00.000Z', '2026-11-02T05:00:00.000Z'])
  // Samoa had no 30 December 2011.
  expect(await lengths('Pacific/Apia', '2011-12-29', '2012-01-01', 'DAY')).toEqual([24, 24])
})

test('the previous period has the same length in the calendar and ends where the range begins', async () => {
  const periods = async (filter: object, granularity: string, timeZone = 'Europe/Berlin') => {
    const { totals, points } = await seriesOf(events, events.store(1), {
      filter,
      granularity,
      timeZone,
      compare: true,
    })
    const [first] = points
    return [totals.previous.start, totals.previous.end, first.previous.start, first.previous.end]
  }
  // The day after a clock change is compared with a day of 23 hours.
  expect(await periods({ fromDay: '2026-03-30', toDay: '2026-03-31' }, 'DAY')).toEqual([
    '2026-03-28T23:00:00.000Z',
    '2026-03-29T22:00:00.000Z',
    '2026-03-28T23:00:00.000Z',
    '2026-03-29T22:00:00.000Z',
  ])
  expect(await periods({ fromDay: '2026-04-01', toDay: '2026-06-01' }, 'MONTH')).toEqual([
    '2026-01-31T23:00:00.000Z',
    '2026-03-31T22:00:00.000Z',
    '2026-01-31T23:00:00.000Z',
    '2026-02-28T23:00:00.000Z',
  ])
  // Today until now is compared with yesterday until the same time.
  expect(await periods({ from: '2026-06-10T00:00:00Z', to: '2026-06-10T15:30:00Z' }, 'DAY', 'UTC')).toEqual([
    '2026-06-09T00:00:00.000Z',
    '2026-06-09T15:30:00.000Z',
    '2026-06-09T00:00:00.000Z',
    '2026-06-09T15:30:00.000Z',
  ])
  expect(await periods({ from: '2026-06-10T00:00:00Z', to: '2026-06-10T05:30:00Z' }, 'HOUR', 'UTC')).toEqual([
    '2026-06-09T18:00:00.000Z',
    '2026-06-09T23:30:00.000Z',
    '2026-06-09T18:00:00.000Z',
    '2026-06-09T19:00:00.000Z',
  ])
})

test('a series reports its range; without an end it lasts until the end of today', async () => {
  const before = Date.now()
  const fromDay = new Date(before - 172_800_000).toISOString().slice(0, 10)
  const series = await seriesOf(events, events.store(1), { filter: { fromDay }, granularity: 'WEEK' })
  expect(series).toMatchObject({ timeZone: 'UTC', granularity: 'WEEK', exact: true, groups: [] })
  expect(Math.abs(Date.parse(series.asOf) - before)).toBeLessThan(60_000)
  expect(Date.parse(series.to) - Date.parse(series.from)).toBe(3 * 86_400_000)
  expect(series.points[0].statistics).toBeNull()
  expect(series.points[0].previous).toBeNull()
})

test('conditions on data compare JSON values, not texts', async () => {
  const datas = [
    { n: 1, s: '1', items: [{ sku: 'x' }], 'a b': { "it's": true } },
    { n: 1.5, s: 'one', items: [] },
    { n: '1', s: null },
    { n: -1e300, s: "x' OR '1'='1" },
    {},
  ]
  await recordAll(
    events,
    datas.map((data, n) => sent(2, '2026-03-10T12:00:00Z', `u${String(n)}`, data)),
  )
  const count = async (...data: object[]): Promise<number> =>
    (await seriesOf(events, events.store(2), { filter: { ...march, data }, ...daily })).totals.events
  expect(await count({ path: '$.n', equals: 1 })).toBe(1)
  expect(await count({ path: '$.n', equals: '1' })).toBe(1)
  expect(await count({ path: '$.n', in: [1, '1', 7] })).toBe(2)
  expect(await count({ path: '$.s', in: [null] })).toBe(1)
  expect(await count({ path: '$.s', exists: true })).toBe(4)
  expect(await count({ path: '$.s', exists: false })).toBe(1)
  expect(await count({ path: '$.n', greaterThan: 1 })).toBe(1)
  expect(await count({ path: '$.n', greaterOrEqual: 1, lessThan: 1.5 })).toBe(1)
  expect(await count({ path: '$.n', lessOrEqual: 1e-7 })).toBe(1)
  expect(await count({ path: '$.items[0].sku', equals: 'x' })).toBe(1)
  expect(await count({ path: `$['a b']["it's"]`, equals: true })).toBe(1)
  expect(await count({ path: String.raw`$['a b']['it\'s']`, equals: true })).toBe(1)
  expect(await count({ path: '$.s', equals: "x' OR '1'='1" })).toBe(1)
  expect(await count({ path: `$['x'' OR 1=1 --']`, exists: true }).catch(() => 'refused')).toBe('refused')
  expect(await count({ path: '$.n', exists: true }, { path: '$.s', equals: 'one' })).toBe(1)
  // The same with literals in the document.
  const { body } = await events.graphql(
    events.store(2),
    `{ eventSeries(granularity: DAY, filter: { fromDay: "2026-03-01", toDay: "2026-04-01",
         data: [{ path: "$.n", in: [1.5, "1", true] }] }) { totals { events users } } }`,
  )
  expect(body.data.eventSeries.totals).toEqual({ events: 2, users: 2 })
})

test('by UTC days only rollups are read; anything else reads the events', async () => {
  await recordAll(
    events,
    ['ann', 'bob', 'ann'].map((user, n) =>
      sent(3, `2026-03-${String(10 + n)}T12:00:00Z`, user, {}, n === 2 ? 'buy' : 'view'),
    ),
  )
  const request = (granularity: string, filter: object = {}, groupBy: object | null = null) =>
    seriesOf(events, events.store(3), {
      filter: { ...march, ...filter },
      granularity,
      groupBy,
      compare: true,
    })
  const all = [
    await request('DAY'),
    await request('WEEK', { types: ['view'] }),
    await request('MONTH', { types: ['view', 'buy'] }, { by: 'TYPE', top: 1 }),
    await request('DAY', {}, { by: 'STORE' }),
  ]
  expect(all.map(({ totals }) => [totals.events, totals.users])).toEqual([
    [3, 2],
    [2, 2],
    [3, 2],
    [3, 2],
  ])
  await events.owner.query('DELETE FROM events WHERE store_id = 3')
  const again = [
    await request('DAY'),
    await request('WEEK', { types: ['view'] }),
    await request('MONTH', { types: ['view', 'buy'] }, { by: 'TYPE', top: 1 }),
    await request('DAY', {}, { by: 'STORE' }),
  ]
  const timeless = (series: any) => ({ ...series, asOf: null })
  expect(again.map(timeless)).toEqual(all.map(timeless))
  expect((await request('HOUR', { toDay: '2026-03-30' })).totals.events).toBe(0)
})

test('groups are ranked by events, also when a sum is requested; groups beyond the top are counted', async () => {
  const price = { a: 1, b: 100, c: 5, d: 7 }
  const counts = { a: 3, b: 1, c: 2, d: 1 }
  await recordAll(
    events,
    Object.entries(counts).flatMap(([sku, count]) =>
      Array.from({ length: count }, (_, n) =>
        sent(7, '2026-03-10T12:00:00Z', `u${String(n)}`, { sku, price: price[sku as keyof typeof price] }),
      ),
    ),
  )
  const request = async (groupBy: object | null, filter: object = march) => {
    const series = await seriesOf(events, events.store(7), {
      filter,
      ...daily,
      groupBy,
      statisticsOf: { path: '$.price' },
    })
    return {
      rankedBy: series.rankedBy,
      beyondTop: series.beyondTop,
      groups: series.groups.map(({ key, isOther, totals }: any) => [key, isOther, totals.events]),
    }
  }
  expect(await request({ by: 'DATA', path: '$.sku', top: 2 })).toEqual({
    rankedBy: 'EVENTS',
    beyondTop: { groups: 2, events: 2 },
    groups: [
      ['a', false, 3],
      ['c', false, 2],
      [null, true, 2],
    ],
  })
  expect(await request({ by: 'DATA', path: '$.sku', top: 4 })).toMatchObject({
    beyondTop: { groups: 0, events: 0 },
    groups: [{}, {}, {}, {}],
  })
  expect(await request({ by: 'TYPE' }, { fromDay: '2026-04-01', toDay: '2026-04-02' })).toEqual({
    rankedBy: 'EVENTS',
    beyondTop: { groups: 0, events: 0 },
    groups: [],
  })
  expect(await request(null)).toEqual({ rankedBy: null, beyondTop: null, groups: [] })
  // Selected alone, without the groups themselves.
  const { body } = await events.graphql(
    events.store(7),
    `{ eventSeries(granularity: DAY, filter: { fromDay: "2026-03-01", toDay: "2026-04-01" },
         groupBy: { by: DATA, path: "$.sku", top: 1 }) { rankedBy beyondTop { groups events } } }`,
  )
  expect(body.data.eventSeries).toEqual({ rankedBy: 'EVENTS', beyondTop: { groups: 3, events: 4 } })
})

test('without values a sum is 0; a mean, a share or a percentile is null', async () => {
  await recordAll(events, [sent(8, '2026-03-10T12:00:00Z', 'ann', { n: 3 }), sent(8, '2026-03-11T12:00:00Z')])
  const requested = { filter: { fromDay: '2026-03-10', toDay: '2026-03-13' }, ...daily }
  const series = await seriesOf(events, events.store(8), {
    ...requested,
    compare: true,
    groupBy: { by: 'TYPE' },
    statisticsOf: { path: '$.n', percentiles: [0.5] },
  })
  const nothing = {
    count: 0,
    sum: 0,
    mean: null,
    min: null,
    max: null,
    percentiles: [{ fraction: 0.5, value: null }],
  }
  const three = { count: 1, sum: 3, mean: 3, min: 3, max: 3, percentiles: [{ fraction: 0.5, value: 3 }] }
  for (const { points } of [series, ...series.groups])
    expect(
      points.map(({ events, users, eventsPerUser, statistics }: any) => [
        events,
        users,
        eventsPerUser,
        statistics,
      ]),
    ).toEqual([
      [1, 1, 1, three],
      [1, 1, 1, nothing],
      [0, 0, null, nothing],
    ])
  expect(series.points.map(({ previous }: any) => [previous.events, previous.statistics])).toEqual([
    [0, nothing],
    [0, nothing],
    [0, nothing],
  ])
  const steps = [{ types: ['buy'] }, { types: ['view'] }]
  const { body } = await events.graphql(events.store(8), funnelQuery, { filter: requested.filter, steps })
  const empty = { users: 0, conversion: null, conversionFromPrevious: null }
  expect(body.data.funnel.steps).toEqual([
    { name: 'buy', ...empty },
    { name: 'view', ...empty },
  ])
  const days = async (filter: object, timeZone: string) =>
    (
      await events.graphql(
        events.store(8),
        `query($filter: EventFilterInput!, $steps: [FunnelStepInput!]!, $timeZone: String!) {
           funnel(filter: $filter, steps: $steps, withinSeconds: 60, timeZone: $timeZone) { label } }`,
        { filter, steps, timeZone },
      )
    ).body.data.funnel.label
  expect(await days({ fromDay: '2026-10-01', toDay: '2026-11-01' }, 'Europe/Berlin')).toBe(
    '2026-10-01/2026-10-31',
  )
  expect(await days({ from: '2026-09-30T22:00:00Z', to: '2026-09-30T23:00:00Z' }, 'Europe/Berlin')).toBe(
    '2026-10-01',
  )
})

test('who may see what', async () => {
  const plan = [{ path: '$.plan', exists: true }]
  const price = [{ path: '$.price', exists: true }]
  const steps = [{ types: ['a'] }, { types: ['b'] }]
  const callers = {
    anonymous: null,
    store: events.store(1),
    analyst: events.analyst(1),
    'analyst of all': events.analyst(),
    admin: events.admin,
    service: events.service,
  }
  const expected: [string, string, object, Partial<Record<keyof typeof callers, string | null>>][] = [
    [
      'own store',
      seriesQuery,
      {},
      {
        anonymous: 'UNAUTHENTICATED',
        store: null,
        analyst: null,
        'analyst of all': null,
        admin: null,
        service: 'FORBIDDEN',
      },
    ],
    [
      'store 1',
      seriesQuery,
      { storeId: 1 },
      { store: null, analyst: null, 'analyst of all': null, admin: null },
    ],
    [
      'store 2',
      seriesQuery,
      { storeId: 2 },
      { store: 'FORBIDDEN', analyst: 'FORBIDDEN', 'analyst of all': null, admin: null },
    ],
    [
      'stores 1 and 2',
      seriesQuery,
      { storeIds: [1, 2] },
      { store: 'FORBIDDEN', analyst: 'FORBIDDEN', 'analyst of all': null, admin: null },
    ],
    [
      'an unknown store',
      seriesQuery,
      { storeIds: [1, 99] },
      {
        anonymous: 'UNAUTHENTICATED',
        store: 'FORBIDDEN',
        'analyst of all': 'STORE_NOT_FOUND',
        admin: 'STORE_NOT_FOUND',
      },
    ],
    [
      'an allow-listed path',
      seriesQuery,
      { data: plan },
      { store: null, analyst: null, 'analyst of all': null, admin: null },
    ],
    [
      'another path',
      seriesQuery,
      { data: price },
      { store: null, analyst: 'FORBIDDEN', 'analyst of all': 'FORBIDDEN', admin: null },
    ],
    [
      'a funnel',
      funnelQuery,
      {},
      { anonymous: 'UNAUTHENTICATED', store: null, analyst: null, admin: null, service: 'FORBIDDEN' },
    ],
    [
      'a funnel on another path',
      funnelQuery,
      { data: price },
      { store: null, analyst: 'FORBIDDEN', admin: null },
    ],
    [
      'retention',
      retentionQuery,
      {},
      { anonymous: 'UNAUTHENTICATED', store: null, analyst: null, admin: null, service: 'FORBIDDEN' },
    ],
    [
      'retention of store 2',
      retentionQuery,
      { storeId: 2 },
      { store: 'FORBIDDEN', analyst: 'FORBIDDEN', admin: null },
    ],
    [
      'retention by another path',
      retentionQuery,
      { data: price },
      { store: null, analyst: 'FORBIDDEN', admin: null },
    ],
  ]
  for (const [what, query, filter, codes] of expected)
    for (const [who, code] of Object.entries(codes)) {
      const variables = {
        filter: { ...march, ...filter },
        ...(query === seriesQuery && daily),
        ...(query === funnelQuery && { steps }),
      }
      expect([what, who, await codeOf(callers[who as keyof typeof callers], query, variables)]).toEqual([
        what,
        who,
        code,
      ])
    }
  const analyst = events.analyst(1)
  const request = (more: object) => codeOf(analyst, seriesQuery, { filter: march, ...daily, ...more })
  expect(await request({ groupBy: { by: 'DATA', path: "$['plan']" } })).toBeNull()
  expect(await request({ groupBy: { by: 'DATA', path: '$["plan b"].name' } })).toBeNull()
  expect(await request({ groupBy: { by: 'DATA', path: '$.plan.name' } })).toBe('FORBIDDEN')
  expect(await request({ groupBy: { by: 'TYPE' } })).toBeNull()
  expect(await request({ statisticsOf: { path: '$.price' } })).toBe('FORBIDDEN')
  expect(await request({ statisticsOf: { path: '$.plan' } })).toBeNull()
  const step = { types: ['a'], data: price }
  expect(await codeOf(analyst, funnelQuery, { filter: march, steps: [step, step] })).toBe('FORBIDDEN')
})

test('invalid arguments are refused, naming the field', async () => {
  const refused = async (query: string, variables: Record<string, unknown>): Promise<unknown> => {
    const { body } = await events.graphql(events.admin, query, variables)
    expect(body.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
    return body.errors[0].extensions.field
  }
  const series = (more: object, filter: object = march) => refused(seriesQuery, { filter, ...daily, ...more })
  const within = (days: number) => ({
    from: '2026-01-01T00:00:00Z',
    to: new Date(Date.parse('2026-01-01T00:00:00Z') + days * 86_400_000).toISOString(),
  })
  expect(await series({ granularity: 'HOUR' }, within(32))).toBe('filter.to')
  expect(await series({}, within(1_101))).toBe('filter.to')
  expect(await series({ granularity: 'WEEK' }, within(3_700))).toBe('filter.to')
  expect(await series({ granularity: 'MONTH' }, within(3_700))).toBe('filter.to')
  expect(await series({}, {})).toBe('filter.from')
  expect(await series({}, { ...march, from: '2026-01-01T00:00:00Z' })).toBe('filter.from')
  expect(await series({}, { ...march, to: '2026-01-01T00:00:00Z' })).toBe('filter.to')
  expect(await series({}, { fromDay: '2026-03-02', toDay: '2026-03-02' })).toBe('filter.to')
  expect(await series({}, { fromDay: '2026-03-02', to: '2026-03-02T00:00:00Z' })).toBe('filter.to')
  expect(await series({}, { fromDay: '0001-01-01', toDay: '0001-01-02' })).toBe('filter.from')
  expect(await series({}, { ...march, storeId: 1, storeIds: [1] })).toBe('filter.storeIds')
  expect(await series({}, { ...march, storeIds: [] })).toBe('filter.storeIds')
  expect(await series({}, { ...march, types: [] })).toBe('filter.types')
  expect(await series({}, { ...march, types: ['a\0'] })).toBe('filter.types')
  for (const timeZone of [
    'Berlin',
    'CET',
    '+01:00',
    'Europe/Atlantis',
    "UTC'; --",
    '',
    'posix/Europe/Berlin',
    'a/\0',
  ])
    expect([timeZone, await series({ timeZone })]).toEqual([timeZone, 'timeZone'])
  const paths = [
    '',
    '$',
    'price',
    '$.',
    '$..a',
    '$.*',
    '$[a]',
    '$.a[',
    '$.a b',
    '$.a\0',
    "$['\0']",
    '$.a\ud800',
    '$[999999]',
    `$${'.a'.repeat(33)}`,
    `$.${'a'.repeat(600)}`,
  ]
  for (const path of paths) {
    expect([path, await series({}, { ...march, data: [{ path, exists: true }] })]).toEqual([
      path,
      'filter.data',
    ])
    expect(await series({ groupBy: { by: 'DATA', path } })).toBe('groupBy.path')
    expect(await series({ statisticsOf: { path } })).toBe('statisticsOf.path')
  }
  expect(await series({}, { ...march, data: [{ path: '$.a' }] })).toBe('filter.data')
  expect(await series({}, { ...march, data: [{ path: '$.a', equals: 'a\0' }] })).toBe('filter.data')
  expect(await series({}, { ...march, data: [{ path: '$.a', in: ['\ud800'] }] })).toBe('filter.data')
  expect(await series({ groupBy: { by: 'DATA' } })).toBe('groupBy.path')
  expect(await series({ groupBy: { by: 'TYPE', path: '$.a' } })).toBe('groupBy.path')
  expect(await series({ groupBy: { by: 'TYPE', top: 0 } })).toBe('groupBy.top')
  expect(await series({ groupBy: { by: 'TYPE', top: 101 } })).toBe('groupBy.top')
  expect(await series({ groupBy: { by: 'TYPE', top: 100 } }, within(300))).toBe('groupBy.top')
  for (const percentiles of [[-0.1], [1.1], Array.from({ length: 21 }, () => 0.5)])
    expect(await series({ statisticsOf: { path: '$.a', percentiles } })).toBe('statisticsOf.percentiles')

  const steps = (count: number) => Array.from({ length: count }, () => ({ types: ['a'] }))
  const funnel = (more: object) => refused(funnelQuery, { filter: march, steps: steps(2), ...more })
  expect(await funnel({ steps: steps(1) })).toBe('steps')
  expect(await funnel({ steps: steps(11) })).toBe('steps')
  expect(await funnel({ steps: [{ types: ['a'] }, { types: [''] }] })).toBe('steps[1].types')
  expect(await funnel({ withinSeconds: 0 })).toBe('withinSeconds')
  expect(await funnel({ withinSeconds: 7_776_001 })).toBe('withinSeconds')
  expect(await funnel({ filter: within(370) })).toBe('filter.to')
  const retention = (more: object) => refused(retentionQuery, { filter: march, ...more })
  expect(await retention({ weeks: 0 })).toBe('weeks')
  expect(await retention({ weeks: 53 })).toBe('weeks')
  expect(await retention({ lookBackDays: 0 })).toBe('lookBackDays')
  expect(await retention({ timeZone: 'Mars/Olympus' })).toBe('timeZone')
})

test('the largest ranges and numbers are answered', async () => {
  const request = (filter: object, granularity: string) =>
    seriesOf(events, events.store(5), { filter, granularity, timeZone: 'Africa/Casablanca', compare: true })
  const points = async (filter: object, granularity: string) =>
    (await request(filter, granularity)).points.length
  expect(await points({ fromDay: '2026-10-01', toDay: '2026-11-01' }, 'HOUR')).toBe(744)
  expect(await points({ fromDay: '2023-01-01', toDay: '2026-01-01' }, 'DAY')).toBe(1_096)
  expect(await points({ fromDay: '2016-01-01', toDay: '2026-01-01' }, 'MONTH')).toBe(120)
  await recordAll(
    events,
    [Number.MAX_VALUE, Number.MAX_VALUE, Number.MIN_VALUE].map((n) =>
      sent(5, '2026-03-10T12:00:00Z', 'ann', { n }),
    ),
  )
  const { totals } = await seriesOf(events, events.store(5), {
    filter: march,
    ...daily,
    statisticsOf: { path: '$.n', percentiles: [0, 1] },
  })
  expect(totals.statistics).toEqual({
    count: 3,
    sum: null,
    mean: expect.any(Number),
    min: Number.MIN_VALUE,
    max: Number.MAX_VALUE,
    percentiles: [
      { fraction: 0, value: Number.MIN_VALUE },
      { fraction: 1, value: Number.MAX_VALUE },
    ],
  })
})

test('a blocked store and a revoked key get no analysis', async () => {
  await events.introduce(6, 'BLOCKED', 5)
  for (const query of [seriesQuery, retentionQuery, funnelQuery])
    expect(
      await codeOf(events.store(6), query, {
        filter: march,
        ...(query === seriesQuery && daily),
        ...(query === funnelQuery && { steps: [{ types: ['a'] }, { types: ['b'] }] }),
      }),
    ).toBe('STORE_BLOCKED')
})

test('an analysis that takes too long is cancelled with a clear error', async () => {
  await using hurried = await startEvents(server, {
    database: events.database,
    analysisTimeout: 100,
  })
  const other = await events.owner.connect()
  try {
    await other.query('BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE')
    const { body, status } = await hurried.graphql(hurried.store(1), seriesQuery, { filter: march, ...daily })
    expect(status).toBe(200)
    expect(body.errors[0].extensions.code).toBe('QUERY_TOO_EXPENSIVE')
  } finally {
    await other.query('ROLLBACK')
    other.release()
  }
  expect(
    (await hurried.graphql(hurried.store(1), seriesQuery, { filter: march, ...daily })).body.errors,
  ).toBeUndefined()
})

// Last, since it covers all stores together.
test('an analysis of events that are no longer kept is refused; daily totals still answer', async () => {
  await recordAll(events, [sent(4, '2026-03-10T12:00:00Z'), sent(4, '2026-03-20T12:00:00Z')])
  await events.owner.query(`INSERT INTO retention (store_id, raw_from) VALUES (4, '2026-03-15')`)
  const caller = events.store(4)
  const days = `query($filter: EventFilterInput!) { eventSeries(filter: $filter, granularity: DAY) { points { events users } } }`
  expect(await codeOf(caller, days, { filter: march })).toBeNull()
  expect(await codeOf(caller, seriesQuery, { filter: march, ...daily })).toBe('RANGE_NOT_RETAINED')
  const later = { fromDay: '2026-03-15', toDay: '2026-04-01' }
  expect(await codeOf(caller, seriesQuery, { filter: later, ...daily, timeZone: 'UTC' })).toBeNull()
  const steps = [{ types: ['view'] }, { types: ['view'] }]
  expect(await codeOf(caller, funnelQuery, { filter: march, steps })).toBe('RANGE_NOT_RETAINED')
  expect(await codeOf(caller, retentionQuery, { filter: later })).toBe('RANGE_NOT_RETAINED')
  const april = { fromDay: '2026-03-25', toDay: '2026-04-20' }
  expect(await codeOf(caller, retentionQuery, { filter: april, lookBackDays: 10 })).toBeNull()
})
