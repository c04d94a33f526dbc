import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { SignedInCaller } from '@user-stats/core'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { recordAll, type Sent } from './analytics-support.ts'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
/** The same, but cells of fewer than three users are withheld from analysts. */
let careful: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  const env = { ANALYST_DATA_PATHS: '$.plan,$.shop.country,$.items[0].sku' }
  events = await startEvents(server, { env })
  careful = await startEvents(server, { env: { ...env, MIN_COHORT: '3' } })
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await careful[Symbol.asyncDispose]()
  await server.stop()
})

const at = (day: string, hour = 12): number => Date.parse(`${day}T00:00:00Z`) + hour * 3_600_000
const sent = (type: string, userId: string, day: string, data: Sent['data'] = {}, storeId = 1): Sent => ({
  storeId,
  type,
  userId,
  at: at(day),
  data,
})

async function select(on: Harness, caller: SignedInCaller, field: string, query: string) {
  const { body } = await on.graphql(caller, `{ ${query} }`)
  return body.errors?.[0] ?? body.data[field]
}
const types = (on: Harness, caller: SignedInCaller, more = '') =>
  select(on, caller, 'eventTypes', `eventTypes${more} { type events firstSeen lastSeen }`)
const properties = (on: Harness, caller: SignedInCaller, type: string, more = '') =>
  select(
    on,
    caller,
    'eventProperties',
    `eventProperties(type: "${type}"${more}) { path kinds events share firstSeen lastSeen examples }`,
  )

test('the types of a store report how often, and from when to when, they were recorded', async () => {
  await events.introduce(1)
  await events.introduce(2)
  await recordAll(events, [
    sent('view', 'ann', '2026-03-01'),
    sent('view', 'bob', '2026-03-05'),
    sent('buy', 'ann', '2026-03-02'),
    sent('view', 'ann', '2026-03-09', {}, 2),
  ])
  const buy = { type: 'buy', events: 1, firstSeen: '2026-03-02', lastSeen: '2026-03-02' }
  const view = { type: 'view', events: 2, firstSeen: '2026-03-01', lastSeen: '2026-03-05' }
  for (const caller of [events.store(1), events.analyst(1)])
    expect(await types(events, caller)).toEqual([view, buy])
  for (const caller of [events.admin, events.analyst()])
    expect(await types(events, caller)).toEqual([{ ...view, events: 3, lastSeen: '2026-03-09' }, buy])
  expect(await types(events, events.store(1), '(from: "2026-03-02", to: "2026-03-05")')).toEqual([buy])
  expect(await types(events, events.store(1), '(offset: 1, limit: 1)')).toEqual([buy])
  expect(await types(events, events.store(1), '(storeId: 2)')).toMatchObject({
    extensions: { code: 'FORBIDDEN' },
  })
})

test('the paths of a type report types, counts, days and examples of their values', async () => {
  await events.introduce(3)
  await recordAll(events, [
    sent('buy', 'ann', '2026-03-01', { price: 1, shop: { country: 'DE', 'street no.': null } }, 3),
    sent('buy', 'bob', '2026-03-02', { price: '1', items: [{ sku: 'a' }] }, 3),
    sent('buy', 'bob', '2026-03-02', { price: 1, shop: { country: 'AT' }, note: 'x'.repeat(101) }, 3),
    sent('view', 'ann', '2026-03-03', { other: true }, 3),
  ])
  const only = { firstSeen: '2026-03-02', lastSeen: '2026-03-02' }
  const all = { firstSeen: '2026-03-01', lastSeen: '2026-03-02' }
  expect(await properties(events, events.store(3), 'buy')).toEqual([
    { path: '$.price', kinds: ['NUMBER', 'STRING'], events: 3, share: 1, ...all, examples: [1, '1'] },
    { path: '$.shop', kinds: ['OBJECT'], events: 2, share: 2 / 3, ...all, examples: [] },
    { path: '$.shop.country', kinds: ['STRING'], events: 2, share: 2 / 3, ...all, examples: ['AT', 'DE'] },
    { path: '$.items', kinds: ['ARRAY'], events: 1, share: 1 / 3, ...only, examples: [] },
    { path: '$.note', kinds: ['STRING'], events: 1, share: 1 / 3, ...only, examples: [] },
    {
      path: "$.shop['street no.']",
      kinds: ['NULL'],
      events: 1,
      share: 1 / 3,
      firstSeen: '2026-03-01',
      lastSeen: '2026-03-01',
      examples: [],
    },
  ])
  expect(await properties(events, events.store(3), 'buy', ', limit: 1')).toHaveLength(1)
  expect(await properties(events, events.store(3), 'nothing')).toEqual([])
})

test('analysts see the paths that are open to them, and no other', async () => {
  for (const caller of [events.analyst(3), events.analyst()]) {
    const found = await properties(events, caller, 'buy', ', storeId: 3')
    expect(found.map(({ path, examples }: { path: string; examples: unknown }) => [path, examples])).toEqual([
      ['$.shop.country', ['AT', 'DE']],
      ['$.items[0].sku', ['a']],
    ])
  }
  await events.graphql(
    events.service,
    'mutation { applyStoreSettings(input: { commandId: 9, storeId: 3, analystDataPaths: [] }) { eventsDeleted } }',
  )
  expect(await properties(events, events.analyst(3), 'buy')).toEqual([])
  expect((await properties(events, events.admin, 'buy', ', storeId: 3')).length).toBe(6)
})

test.each([
  ['no store is named', 'buy', '', 'BAD_USER_INPUT'],
  ['a type is empty', '', ', storeId: 3', 'BAD_USER_INPUT'],
  ['more than 1,000 are requested', 'buy', ', storeId: 3, limit: 1001', 'BAD_USER_INPUT'],
  ['the store is unknown', 'buy', ', storeId: 99', 'STORE_NOT_FOUND'],
])('paths are refused when %s', async (_why, type, more, code) => {
  expect(await properties(events, events.admin, type, more)).toMatchObject({ extensions: { code } })
})

test('where small cells are withheld, analysts see no type, day, path or value of too few users', async () => {
  await careful.introduce(4)
  const three = ['ann', 'bob', 'cid']
  await recordAll(careful, [
    ...three.flatMap((user) => [
      sent('view', user, '2026-03-02', { plan: 'a' }, 4),
      sent('view', user, '2026-03-02', { plan: 'b' }, 4),
    ]),
    ...three.map((user) => sent('view', user, '2026-03-03', { plan: 'a', shop: { country: user } }, 4)),
    sent('view', 'ann', '2026-03-04', { plan: 'secret' }, 4),
    sent('rare', 'ann', '2026-03-02', { plan: 'secret' }, 4),
  ])
  const analyst = careful.analyst(4)
  expect(await types(careful, analyst)).toEqual([
    { type: 'view', events: 9, firstSeen: '2026-03-02', lastSeen: '2026-03-03' },
  ])
  expect(await properties(careful, analyst, 'view')).toEqual([
    {
      path: '$.plan',
      kinds: ['STRING'],
      events: 6,
      share: 1,
      firstSeen: '2026-03-02',
      lastSeen: '2026-03-02',
      examples: ['a', 'b'],
    },
  ])
  expect(await properties(careful, analyst, 'rare')).toEqual([])
  expect((await properties(careful, careful.store(4), 'rare'))[0].examples).toEqual(['secret'])
})

const key = fc.constantFrom('a', 'b', 'an odd key', "it's", '0', 'ä')
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false, 0, 1.5, 'x', 'y', [1], [{ a: 1 }]),
    tie('object'),
  ),
  object: fc.dictionary(key, tie('value'), { maxKeys: 3 }),
}))
const datas = fc.array(fc.dictionary(key, value, { maxKeys: 3 }), { minLength: 1, maxLength: 15 })

/** The model: each name of each object, with its value. */
function valuesOf(data: object, path = '$'): (readonly [string, unknown])[] {
  return Object.entries(data).flatMap(([name, value]: [string, unknown]) => {
    const simple = /^[a-zä]+$/.test(name)
    const here = `${path}${simple ? `.${name}` : `['${name.replace("'", "\\'")}']`}`
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return [[here, value] as const, ...(isObject ? valuesOf(value, here) : [])]
  })
}

let nextStore = 100
test('paths, counts and examples match any data', async () => {
  await fc.assert(
    fc.asyncProperty(datas, async (all) => {
      const storeId = nextStore++
      await events.introduce(storeId)
      await recordAll(
        events,
        all.map((data) => sent('buy', 'ann', '2026-03-01', data, storeId)),
      )
      const found: { path: string; kinds: string[]; events: number; share: number; examples: unknown[] }[] =
        await properties(events, events.store(storeId), 'buy')
      const values = Map.groupBy(
        all.flatMap((data) => valuesOf(data)),
        ([path]) => path,
      )
      expect(found.map(({ path }) => path).sort()).toEqual([...values.keys()].sort())
      for (const { path, kinds, events: count, share, examples } of found) {
        const here = (values.get(path) ?? []).map(([, one]) => one)
        const kindOf = (one: unknown) =>
          one === null ? 'NULL' : Array.isArray(one) ? 'ARRAY' : (typeof one).toUpperCase()
        expect([count, share]).toEqual([here.length, here.length / all.length])
        expect(kinds).toEqual([...new Set(here.map(kindOf))].sort())
        const scalars = here.filter((one) => typeof one !== 'object')
        const counts = [...Map.groupBy(scalars, (one) => one).values()].map(({ length }) => length)
        expect(new Set(examples).size).toBe(Math.min(5, counts.length))
        expect(examples.map((one) => scalars.filter((other) => other === one).length)).toEqual(
          counts.sort((a, b) => b - a).slice(0, 5),
        )
      }
    }),
    { numRuns: 25 },
  )
})
