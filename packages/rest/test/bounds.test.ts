import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { buildSchema, getIntrospectionQuery, getOperationAST, parse } from 'graphql'
import { subgraphLimits } from '@user-stats/config'
import type { Caller } from '@user-stats/core'
import {
  evaluateCost,
  compileCost,
  countOverlaps,
  documentLimitsOf,
  measure,
  refusalOf,
  type DocumentLimits,
  type GraphLimits,
} from '@user-stats/graphql'
import { startGraphApp } from './graph-app.ts'
import { testLimits } from '@user-stats/http/testing'

const schema = buildSchema(`
  type Query {
    name: String
    things(first: Int! = 20, after: String): Things!
    days(limit: Int = 30): [Day!]!
    all: [Thing!]!
    any(ids: [ID!]!): [Any]!
    eventSeries(
      filter: Filter!
      granularity: Granularity!
      groupBy: GroupBy
      statisticsOf: StatisticsOf
      compareWithPrevious: Boolean! = false
    ): Series!
    retention(filter: Filter!, weeks: Int! = 8): Retention!
    funnel(filter: Filter!, steps: [Step!]!): Funnel!
  }
  input Filter { from: String, fromDay: String, to: String, toDay: String, types: [String!] }
  enum Granularity { HOUR DAY WEEK MONTH }
  input GroupBy { by: String!, top: Int! = 10 }
  input StatisticsOf { path: String!, percentiles: [Float!]! = [0.5, 0.9, 0.95, 0.99] }
  input Step { types: [String!] }
  type Series { points: [Period!]! totals: Period! groups: [Group!]! }
  type Group { key: String points: [Period!]! totals: Period! }
  type Period { start: String events: Int users: Int statistics: Statistics previous: Period }
  type Statistics { sum: Float percentiles: [Percentile!]! }
  type Percentile { value: Float }
  type Retention { cohorts: [Cohort!]! }
  type Cohort { users: Int weeks: [Week!]! }
  type Week { users: Int }
  type Funnel { steps: [FunnelStep!]! }
  type FunnelStep { users: Int }
  type Mutation { record(input: In!): Recorded!  recordAll(input: Many!): Recorded! }
  input In { name: String, data: String }
  input Many { items: [In!]!, again: Many }
  type Recorded { results: [Thing!]! }
  type Things { nodes: [Thing!]! edges: [Edge!]! total: Int }
  type Edge { node: Thing! }
  type Thing { id: ID tags: [String!]! things(first: Int! = 10): Things! day: Day }
  type Day { date: String }
  union Any = Thing | Day
`)

const costOf = (query: string, variables: Record<string, unknown> = {}): number => {
  const document = parse(query)
  const operation = getOperationAST(document)
  if (!operation) throw new Error('one operation is expected')
  return evaluateCost(compileCost({ schema, document, operation }), variables)
}

const repeat = (count: number, text: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => text(n)).join(' ')

const oneDay = 'fromDay: "2026-11-01", toDay: "2026-11-02"'
const month = 'fromDay: "2026-11-01", toDay: "2026-12-01"'
const series = `query ($filter: Filter!, $by: GroupBy, $of: StatisticsOf, $compare: Boolean! = false) {
  eventSeries(filter: $filter, granularity: DAY, groupBy: $by, statisticsOf: $of, compareWithPrevious: $compare) {
    points { ...period }
    groups { key points { ...period } }
  }
}
fragment period on Period {
  events
  statistics { sum percentiles { value } }
  previous { events statistics { sum percentiles { value } } }
}`
const filter = { fromDay: '2026-11-01', toDay: '2026-12-01', types: ['a'] }

const priced: readonly (readonly [string, number, Record<string, unknown>?])[] = [
  ['{ name }', 1],
  ['{ __typename }', 0],
  ['{ __schema { types { name fields { name } } } }', 0],
  ['{ things { total } }', 1],
  ['{ things { nodes { id } } }', 21],
  ['{ things(first: 100) { nodes { id tags } edges { node { id } } } }', 301],
  [
    '{ things(first: 10) { nodes { things(first: 5) { nodes { day { date } } } } } }',
    1 + 10 * (1 + 1 + 5 * 2),
  ],
  ['{ days(limit: 10000) { date } }', 10_000],
  ['{ days(limit: 0) { date } }', 0],
  ['{ days { date } }', 30],
  ['query ($n: Int) { days(limit: $n) { date } }', 7, { n: 7 }],
  ['query ($n: Int = 3) { days(limit: $n) { date } }', 3],
  ['query ($n: Int) { days(limit: $n) { date } }', 30],
  ['query ($n: Int) { days(limit: $n) { date } }', 0, { n: -5 }],
  [
    'query ($n: Int! = 2) { things(first: $n) { nodes { id things(first: $n) { total } } } }',
    1 + 3 * 2,
    { n: 3 },
  ],
  ['{ all { id } }', 50],
  ['{ any(ids: [1, 2, 3]) { ... on Thing { id } ... on Day { date } } }', 3 + 3],
  [
    'query ($ids: [ID!]!) { any(ids: $ids) { ... on Thing { day { date } } } }',
    4 + 4 * 2,
    { ids: [1, 2, 3, 4] },
  ],
  ['query ($ids: [ID!]!) { any(ids: $ids) { ... on Thing { id } } }', 1 + 1, { ids: 'one' }],
  ['mutation ($in: In!) { record(input: $in) { results { id } } }', 51, { in: { data: 'x' } }],
  ['mutation { recordAll(input: { items: [{ name: "a" }, { name: "b" }] }) { results { id } } }', 2 + 1 + 2],
  [
    'mutation ($in: Many!) { recordAll(input: $in) { results { id } } }',
    6 + 1 + 6,
    { in: { items: [{}, {}, {}], again: { items: [{}, {}], again: { items: [{}] } } } },
  ],
  [
    'mutation ($items: [In!]!) { recordAll(input: { items: $items }) { results { id } } }',
    2 + 1 + 2,
    { items: [{}, {}] },
  ],
  [
    '{ things(first: 2) { ...page } } fragment page on Things { nodes { ...thing } } fragment thing on Thing { day { date } }',
    1 + 2 * 2,
  ],
  // Every ten values of an object cost one.
  [`{ things(first: 100) { nodes { ${repeat(11, (n) => `a${String(n)}: id`)} } } }`, 1 + 100 * 2],
  [
    `{ things(first: 100) { nodes { ${repeat(11, () => 'id tags')} ...t } } } fragment t on Thing { id }`,
    101,
  ],
  [`{ things { ${repeat(95, (n) => `a${String(n)}: total`)} } }`, 10],
  // A range may begin within a part, and so have one point more.
  [`{ eventSeries(filter: { ${oneDay} }, granularity: HOUR) { points { events } } }`, 1 + 25],
  [
    `{ eventSeries(filter: { ${month} }, granularity: DAY) { points { events } totals { events } } }`,
    1 + 31 + 1,
  ],
  [
    '{ eventSeries(filter: { from: "2026-01-01T00:00:00Z", to: "2026-12-31T00:00:00+01:00" }, granularity: MONTH) { points { events } } }',
    1 + 14,
  ],
  // Ranges longer than allowed cost as much as the longest.
  ['{ eventSeries(filter: { fromDay: "1900-01-01" }, granularity: HOUR) { points { events } } }', 1 + 746],
  ['{ eventSeries(filter: { fromDay: "nonsense" }, granularity: HOUR) { points { events } } }', 1],
  [series, 1 + 1 + 31, { filter }],
  [series, 1 + 1 + 31 + 11 * (1 + 31), { filter, by: { by: 'TYPE' } }],
  [series, 1 + 1 + 31 + 101 * (1 + 31), { filter, by: { by: 'TYPE', top: 100 } }],
  [series, 1 + 1 + 31 * 2, { filter, compare: true }],
  [series, 1 + 1 + 31 * (2 + 4), { filter, of: { path: '$.a' } }],
  [
    series,
    1 + 3 + 1 + (31 + 3 * 31) * 2 * (2 + 3) + 3,
    { filter, by: { by: 'TYPE', top: 2 }, of: { path: '$.a', percentiles: [0, 0.5, 1] }, compare: true },
  ],
  [`{ retention(filter: { ${month} }) { cohorts { users weeks { users } } } }`, 1 + 6 * (1 + 9)],
  [`{ retention(filter: { ${month} }, weeks: 52) { cohorts { weeks { users } } } }`, 1 + 6 * (1 + 53)],
  [`{ funnel(filter: { ${month} }, steps: [{ types: ["a", "b"] }, {}, {}]) { steps { users } } }`, 5 + 1 + 3],
]

test.each(priced.map(([query, cost, variables = {}]) => ({ query, cost, variables })))(
  '$query costs $cost',
  ({ query, cost, variables }) => {
    expect(costOf(query, variables)).toBe(cost)
  },
)

test('a cost without variables is a constant', () => {
  const document = parse('mutation ($in: In!) { record(input: $in) { results { id } } }')
  const operation = getOperationAST(document)
  expect(operation && compileCost({ schema, document, operation })).toBe(51)
})

test('a document is measured with its fragments expanded', () => {
  const text = `
    query A @a { x: name things { ...page @include(if: true) ... on Things @skip(if: false) { total } } }
    query B { name name name __schema { a { b { c } } } }
    fragment page on Things { nodes { y: id } again: nodes { id } }
    fragment unused on Thing @b { z: id }`
  expect(measure(parse(text))).toEqual({
    fragments: 2,
    operations: 2,
    depth: 3,
    nesting: 4,
    rootFields: 4,
    aliases: 4,
    directives: 4,
    fields: 17,
    values: 2,
  })
})

test('fragments that double each other forty times are measured in linear time', () => {
  const bomb = Array.from(
    { length: 40 },
    (_, n) => `fragment f${String(n)} on T { ...f${String(n + 1)} a { ...f${String(n + 1)} } }`,
  )
  const { fields, depth } = measure(parse(`{ ...f0 } ${bomb.join(' ')} fragment f40 on T { x: id }`))
  expect(depth).toBe(41)
  expect(fields).toBeGreaterThan(2 ** 40)
  // Invalid, but it must not fail the measurement.
  expect(measure(parse('{ ...f } fragment f on T { a ...f }')).fields).toBe(3)
})

test.each([
  ['at different places', '{ a { id } b { id c { id } } }', 0],
  ['beside each other', '{ a a a }', 3],
  ['by alias', '{ x: a x: b a b: x }', 1],
  ['with their arguments', '{ a(x: 1, y: [1, { z: $v }]) a a }', 3 + 2 * 5],
  ['below merged fields', '{ a { b c } a { b c } a { c } }', 3 + 2 * 5 + 1 + 3],
  ['with the fragments they spread', '{ a { ...f ...g } ... { a { ... { ...f } } } }', 1 + 4 + 2],
  ['in fragments, each time they are spread', '{ a { ...f ... { b } ...f } } fragment f on T { b }', 3],
  ['in unused fragments', '{ a } fragment f on T { b b ...g } fragment g on T { b }', 3],
  ['in each operation separately', 'query A { a } query B { a a }', 1],
  ['in recursive fragments', '{ ...f } fragment f on T { a ...f ...none }', 0],
])('comparisons of fields with the same response name are counted: %s', (_where, text, pairs) => {
  expect(countOverlaps(parse(text), 1_000)).toBe(pairs)
})

const admin: Caller = { role: 'ADMIN', keyId: 'key' }
const anonymous: Caller = { role: 'ANONYMOUS' }
const listOf = (length: number): string => `[${'1 '.repeat(length)}]`
/** Nested fragments, each with a selection set of its own around the next. */
const chain = (length: number): string =>
  repeat(length, (n) => `fragment f${String(n)} on T { ... { ... { ...f${String(n + 1)} } } }`)

const hostile: readonly (readonly [keyof DocumentLimits, string, number])[] = [
  ['depth', `${'{ a '.repeat(13)}${'}'.repeat(13)}`, 13],
  ['aliases', `{ t { ${repeat(101, (n) => `a${String(n)}: id`)} } }`, 101],
  ['rootFields', `{ ${repeat(51, () => 'name')} }`, 51],
  ['directives', `{ name ${'@include(if: true) '.repeat(51)}}`, 51],
  ['directives', `query ($a: Int ${'@a '.repeat(51)}) { name }`, 51],
  ['fields', `{ t { ${repeat(1_001, () => 'id')} } }`, 1_002],
  ['fields', `{ t { ${'...f '.repeat(1_001)} } }`, 1_002],
  ['fields', `{ t { ${'...g '.repeat(350)} } } fragment g on T { ...f ...f }`, 1_051],
  ['tokens', `{ t(list: ${listOf(5_000)}) }`, 5_009],
  ['characters', `{ name ${'#\n'.repeat(62_500)} }`, 125_009],
  [
    'values',
    `{ t { ${repeat(60, (n) => `a${String(n)}: b { ...f }`)} } } fragment f on T { c(list: ${listOf(99)}) }`,
    6_000,
  ],
  ['fragments', `{ ${repeat(101, (n) => `...f${String(n)}`)} }`, 101],
  ['fragments', `{ name } ${repeat(101, (n) => `fragment f${String(n)} on T { id }`)}`, 101],
  ['operations', repeat(51, (n) => `query Q${String(n)} { ...f }`), 51],
  ['overlaps', `{ t { ${repeat(201, () => 'id')} } }`, 20_100],
  ['overlaps', `{ t { ${repeat(50, () => `a(list: ${listOf(9)})`)} } }`, 1_225 + 49 * 500],
  [
    'overlaps',
    `{ t { ${repeat(40, () => `a { ${repeat(10, (n) => `...f${String(n)}`)} }`)} } }`,
    780 + 39 * 400 + 78_000,
  ],
  ['nesting', `{ t(list: ${'['.repeat(201)}${']'.repeat(201)}) }`, 203],
  ['nesting', `{ ...f0 } ${chain(80)}`, 241],
]

test.each(hostile)(
  'too many (%s) are refused before anything is parsed or validated',
  (name, text, requested) => {
    const refusal = refusalOf(text, testLimits, admin)
    const maximum = documentLimitsOf(admin, testLimits)[name]
    expect(refusal?.code).toBe('OPERATION_TOO_LARGE')
    expect(refusal?.limit).toEqual({ name, requested, maximum })
    expect(refusal?.message).toContain(`has ${String(requested)}`)
    expect(refusal?.message).toContain(`at most ${String(maximum)} are allowed`)
  },
)

test('a document just within each limit is accepted, and so is one that cannot be parsed', () => {
  for (const text of [
    `${'{ a '.repeat(12)}${'}'.repeat(12)}`,
    `{ t { ${repeat(100, (n) => `a${String(n)}: id`)} } }`,
    `{ ${repeat(50, () => 'name')} }`,
    `{ name ${'@include(if: true) '.repeat(50)}}`,
    `{ t { ${repeat(999, (n) => `field${String(n)}`)} } }`,
    `{ t { ${repeat(200, () => 'id')} } }`,
    `{ ${repeat(100, (n) => `...f${String(n)}`)} }`,
    `{ ...f0 } ${chain(66)}`,
    repeat(50, (n) => `query Q${String(n)} { name }`),
    `{ t(list: ${listOf(4_991)}) }`,
    '{ name',
    '{ name \u0000 }',
    '',
  ])
    expect(refusalOf(text, testLimits, admin)).toBeUndefined()
})

test('an anonymous caller has far lower limits; the error asks to sign in and has the limit and the amount', () => {
  const signIn =
    'mutation ($key: String!) { authenticate(input: { apiKey: $key }) { accessToken expiresIn } }'
  for (const text of [signIn, '{ __typename }', '{ __type(name: "Query") { name } }'])
    expect(refusalOf(text, testLimits, anonymous)).toBeUndefined()
  for (const [name, text, requested, maximum] of [
    ['tokens', `{ t(list: ${listOf(492)}) }`, 501, 500],
    ['characters', `{ name ${' '.repeat(12_500)} }`, 12_509, 12_500],
    ['fields', `{ t { ${repeat(100, (n) => `f${String(n)}`)} } }`, 101, 100],
    ['aliases', `{ t { ${repeat(11, (n) => `a${String(n)}: id`)} } }`, 11, 10],
    ['rootFields', `{ ${repeat(11, (n) => `f${String(n)}`)} }`, 11, 10],
    ['fragments', `{ ${repeat(11, (n) => `...f${String(n)}`)} }`, 11, 10],
    ['overlaps', `{ t { ${repeat(46, () => 'id')} } }`, 1_035, 1_000],
  ] as const) {
    const refusal = refusalOf(text, testLimits, anonymous)
    expect(refusal?.code).toBe('UNAUTHENTICATED')
    expect(refusal?.limit).toEqual({ name, requested, maximum })
    expect(refusal?.message).toContain(`has ${String(requested)}`)
    expect(refusal?.message).toContain(`at most ${String(maximum)} are allowed without`)
    expect(refusalOf(text, testLimits, admin)).toBeUndefined()
  }
  const low = { ...testLimits, tokens: 100 }
  expect(documentLimitsOf(anonymous, low).tokens).toBe(100)
})

test('subgraphs allow more than the gateway in each respect', () => {
  const inner = subgraphLimits(testLimits)
  for (const [name, value] of Object.entries(testLimits) as [keyof GraphLimits, number][])
    expect(inner[name]).toBeGreaterThan(value)
})

test('validation stops at the first few errors', async () => {
  const { body } = await request(`{ ${repeat(50, (n) => `unknown${String(n)}`)} }`)
  expect(body['errors']).toHaveLength(6)
})

test('tools can introspect the whole schema, but not many times in one operation', async () => {
  await using shown = await startGraphApp()
  const of = async (query: string) => (await request(query, {}, 'POST', shown)).body
  expect((await of(getIntrospectionQuery()))['errors']).toBeUndefined()
  for (const query of [
    `{ __schema { types { ${repeat(11, (n) => `a${String(n)}: fields { name }`)} } } }`,
    `{ __schema { ...s } } fragment s on __Schema { ${repeat(11, (n) => `a${String(n)}: types { name }`)} }`,
    `{ ${repeat(11, (n) => `a${String(n)}: __type(name: "Query") { name }`)} }`,
  ])
    expect(await of(query)).toMatchObject({
      errors: [
        {
          message: expect.stringContaining('At most 10 aliases'),
          extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
        },
      ],
    })
})

let app: Awaited<ReturnType<typeof startGraphApp>>
beforeAll(async () => {
  app = await startGraphApp([], { ...testLimits, cost: 60, aliases: 3 })
})
afterAll(() => app[Symbol.asyncDispose]())

const request = async (
  query: string,
  headers: Record<string, string> = {},
  method: 'GET' | 'POST' = 'POST',
  { send } = app,
) => {
  const url = method === 'GET' ? `/graphql?query=${encodeURIComponent(query)}` : '/graphql'
  const response = await send(url, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(method === 'POST' && { body: JSON.stringify({ query }) }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

test('a response has the cost of its operation, on every path, unless the client prefers a minimal one', async () => {
  const query = '{ things { id } me }'
  const expected = { cost: { requested: 51, maximum: 60 } }
  for (let round = 0; round < 3; round += 1) {
    expect((await request(query)).body['extensions']).toEqual(expected)
    expect((await request(query, {}, 'GET')).body['extensions']).toEqual(expected)
    expect((await request(query, { prefer: 'return=minimal' })).body['extensions']).toBeUndefined()
  }
})

test.each(['POST', 'GET'] as const)(
  'an operation that is too large is refused by %s, with limit, amount and maximum',
  async (method) => {
    for (const accept of ['application/json', 'application/graphql-response+json'])
      for (const [query, limit, requested, maximum] of [
        ['{ a: me b: me c: me d: me }', 'aliases', 4, 3],
        ['{ things { id } a: things { id } }', 'cost', 100, 60],
      ] as const) {
        const { status, body } = await request(query, { accept }, method)
        expect(status).toBe(400)
        expect(body).toMatchObject({
          errors: [{ extensions: { code: 'OPERATION_TOO_LARGE', limit, requested, maximum } }],
        })
        expect(body['data']).toBeUndefined()
      }
  },
)

test('a response of too many bytes is refused on every path', async () => {
  await using large = await startGraphApp()
  const query = `{ ${repeat(20, (n) => `a${String(n)}: long(length: 500000)`)} }`
  for (let round = 0; round < 3; round += 1) {
    const { status, body } = await request(query, {}, 'POST', large)
    expect(status).toBe(400)
    expect(body).toMatchObject({
      errors: [{ extensions: { code: 'ANSWER_TOO_LARGE', limit: 'answerBytes', maximum: 8_388_608 } }],
    })
    expect((await request('{ long(length: 500000) }', {}, 'POST', large)).status).toBe(200)
  }
})

test('batches are refused with a remedy', async () => {
  const response = await app.send('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ query: '{ me }' }, { query: '{ me }' }]),
  })
  expect(response.status).toBe(400)
  expect(await response.json()).toMatchObject({
    errors: [
      { extensions: { code: 'BAD_REQUEST' }, message: expect.stringContaining('one operation per request') },
    ],
  })
})

test('a page of another site cannot send operations: simple requests are refused, and GET only accepts queries', async () => {
  const send = async (init: RequestInit, url = '/graphql') => (await app.send(url, init)).status
  const body = JSON.stringify({ query: '{ me }' })
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])
    expect([400, 415]).toContain(await send({ method: 'POST', headers: { 'content-type': type }, body }))
  expect(await send({ method: 'GET' }, '/graphql?query={me}')).toBe(400)
  const mutation = `/graphql?query=${encodeURIComponent('mutation { record(input: { type: "a" }) }')}`
  expect(await send({ method: 'GET', headers: { 'content-type': 'application/json' } }, mutation)).toBe(405)
})
