import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { SignedInCaller } from '@user-stats/core'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { readEnv } from '../src/env.ts'
import { recordAll } from './analytics-support.ts'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server, { env: { ANALYST_DATA_PATHS: '$.plan' } })
  for (const storeId of [1, 2, 3, 4]) {
    await events.introduce(storeId)
    await recordAll(events, [
      { storeId, type: 'buy', userId: 'ann', at: Date.UTC(2026, 2, 10), data: { price: storeId, plan: 'a' } },
    ])
  }
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

let commandId = 100
const set = async (storeId: number, analystDataPaths: readonly string[] | null) => {
  const { body } = await events.graphql(
    events.service,
    'mutation($input: ApplyStoreSettingsInput!) { applyStoreSettings(input: $input) { eventsDeleted } }',
    { input: { commandId: commandId++, storeId, analystDataPaths } },
  )
  return body.errors?.[0].extensions.code ?? null
}

const march = { fromDay: '2026-03-01', toDay: '2026-04-01' }
const questions = {
  'groupBy.path': `query($filter: EventFilterInput!, $path: String!) {
    eventSeries(filter: $filter, granularity: MONTH, groupBy: { by: DATA, path: $path }) { totals { events } } }`,
  'statisticsOf.path': `query($filter: EventFilterInput!, $path: String!) {
    eventSeries(filter: $filter, granularity: MONTH, statisticsOf: { path: $path }) { totals { events } } }`,
  'filter.data': `query($filter: EventFilterInput!) {
    eventSeries(filter: $filter, granularity: DAY) { totals { events } } }`,
  'steps[1].data': `query($filter: EventFilterInput!, $path: String!) {
    funnel(filter: $filter, withinSeconds: 9, steps: [{}, { data: [{ path: $path, exists: true }] }]) { steps { users } } }`,
}
/** Null, or the code of the refusal. */
async function refusalOf(
  caller: SignedInCaller,
  path: string,
  filter: object = {},
  query = questions['groupBy.path'],
) {
  const { body } = await events.graphql(caller, query, { path, filter: { ...march, ...filter } })
  return body.errors?.[0].extensions.code ?? null
}

test('a store without a setting opens ANALYST_DATA_PATHS to analysts; one with a setting opens its own, from then on', async () => {
  const analyst = events.analyst(1)
  expect([await refusalOf(analyst, '$.plan'), await refusalOf(analyst, '$.price')]).toEqual([
    null,
    'FORBIDDEN',
  ])
  await set(1, ['$.price', '$.items[0].sku'])
  expect([await refusalOf(analyst, '$.plan'), await refusalOf(analyst, '$.price')]).toEqual([
    'FORBIDDEN',
    null,
  ])
  // A path may be written in several forms.
  expect(await refusalOf(analyst, "$['items'][0]['sku']")).toBeNull()
  expect(await refusalOf(analyst, '$.items[1].sku')).toBe('FORBIDDEN')
  expect([
    await refusalOf(events.analyst(2), '$.plan'),
    await refusalOf(events.analyst(2), '$.price'),
  ]).toEqual([null, 'FORBIDDEN'])
  await set(1, [])
  expect([await refusalOf(analyst, '$.plan'), await refusalOf(analyst, '$.price')]).toEqual([
    'FORBIDDEN',
    'FORBIDDEN',
  ])
  await set(1, null)
  expect([await refusalOf(analyst, '$.plan'), await refusalOf(analyst, '$.price')]).toEqual([
    null,
    'FORBIDDEN',
  ])
})

test('stores and admins may use any path, whatever is open to analysts', async () => {
  await set(1, [])
  expect(await refusalOf(events.store(1), '$.anything')).toBeNull()
  expect(await refusalOf(events.admin, '$.anything', { storeId: 1 })).toBeNull()
  await set(1, null)
})

test('several stores at once are open at paths that every one of them opens', async () => {
  const analyst = events.analyst()
  await set(3, ['$.price', '$.plan'])
  await set(4, ['$.price'])
  const of = (path: string, ...storeIds: number[]) => refusalOf(analyst, path, { storeIds })
  expect([await of('$.price', 3, 4), await of('$.plan', 3, 4)]).toEqual([null, 'FORBIDDEN'])
  expect([await of('$.price', 2, 3), await of('$.plan', 2, 3)]).toEqual(['FORBIDDEN', null])
  // All stores: a path is open only if every store opens it.
  expect([await refusalOf(analyst, '$.price'), await refusalOf(analyst, '$.plan')]).toEqual([
    'FORBIDDEN',
    'FORBIDDEN',
  ])
  await set(4, ['$.plan'])
  expect([await refusalOf(analyst, '$.price'), await refusalOf(analyst, '$.plan')]).toEqual([
    'FORBIDDEN',
    null,
  ])
  await set(3, null)
  await set(4, null)
})

test.each(Object.entries(questions))('a refusal names %s and what may be used', async (field, query) => {
  const data = [{ path: '$.price', exists: true }]
  const filter = field === 'filter.data' ? { ...march, data } : march
  const refusal = async () =>
    (await events.graphql(events.analyst(1), query, { path: '$.price', filter })).body.errors[0]
  expect(await refusal()).toMatchObject({
    message: `${field}: analysts of this store may use these paths of \`data\` only: $.plan. An admin may open others: updateStore(input: { analystDataPaths }).`,
    extensions: { code: 'FORBIDDEN', field },
  })
  await set(1, [])
  expect((await refusal()).message).toContain(`${field}: analysts of this store may use no path of \`data\`.`)
  await set(1, null)
})

test('a command with an invalid path is refused, and one that arrives late has no effect', async () => {
  expect(await set(1, ['$.plan', 'price'])).toBe('BAD_USER_INPUT')
  expect(await refusalOf(events.analyst(1), '$.plan')).toBeNull()
  await set(1, ['$.price'])
  const late = commandId - 1
  await events.graphql(
    events.service,
    'mutation($input: ApplyStoreSettingsInput!) { applyStoreSettings(input: $input) { eventsDeleted } }',
    { input: { commandId: late, storeId: 1, analystDataPaths: null } },
  )
  expect(await refusalOf(events.analyst(1), '$.price')).toBeNull()
  await set(1, null)
})

test('ANALYST_DATA_PATHS with an invalid path is reported with the other variables', () => {
  const env = {
    EVENTS_DATABASE_URL: 'postgresql://a@localhost/b',
    ANALYST_DATA_PATHS: '$.plan,price',
    EVENTS_PORT: 'x',
  }
  expect(() => readEnv(env)).toThrow(
    'EVENTS_PORT: expected a whole number from 0 to 65535; ANALYST_DATA_PATHS: expected JSONPaths separated by commas: $.plan,$.country',
  )
})
