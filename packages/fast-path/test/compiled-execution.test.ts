import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { DomainError } from '@user-stats/core'
import { createGraphServer, type GraphServer, type RequestContext } from '@user-stats/graphql'
import { createTestLog, testLimits } from '@user-stats/http/testing'
import { createSubgraphEngine, type FastPathMode } from '../src/subgraph.ts'
import { makeSchema, type Source } from './schema.ts'

const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(resolve, value))
const refused = () => later(undefined).then(() => Promise.reject(new DomainError('FORBIDDEN')))

const one = { id: '1', name: 'One', kind: 'A', tags: ['x', null], __typename: 'Thing' }
const longItem = (at: number): unknown => {
  if (at % 50 === 7) return refused()
  if (at % 11 === 0) return null
  const tags = Array.from({ length: at === 150 ? 300 : 2 }, (_, tag) => String(tag))
  const item = { ...one, id: String(at), tags }
  return at % 3 === 0 ? later(item) : item
}
const source: Source = {
  thing: one,
  hidden: { ...one, name: null },
  list: () => [later(one), refused(), one, later(null), refused()],
  strict: () => [later(one), refused()],
  // Longer than what is completed in one turn.
  long: () => Array.from({ length: 600 }, (_, at) => longItem(at)),
  longStrict: () => Array.from({ length: 600 }, (_, at) => (at === 580 ? refused() : one)),
  any: () => [later(one), refused(), { id: 'o', __typename: 'Other' }],
  fails: refused,
  bug: () => {
    throw new Error('duplicate key (email)=(jane.doe@example.com)')
  },
}

function open(mode: FastPathMode): GraphServer<RequestContext> {
  const schema = makeSchema(source)
  return createGraphServer<RequestContext>({
    source: { schema },
    limits: testLimits,
    log: createTestLog().log,
    engine: createSubgraphEngine(mode, schema),
    assertCanIntrospect: () => Promise.resolve(),
  })
}
const ordinary = open('false')
const fast = open('true')
beforeAll(async () => {
  await ordinary.start()
  await fast.start()
})
afterAll(async () => {
  await ordinary.stop()
  await fast.stop()
})

const context = (): RequestContext => ({
  caller: { role: 'STORE', keyId: 'k', storeId: 1 },
  authorization: undefined,
  address: '127.0.0.1',
  requestId: 'r',
  deadline: Infinity,
  signal: new AbortController().signal,
  log: createTestLog().log,
})

const list = 'id name kind tags'
const echo = 'query ($in: In, $n: Int = 7, $k: Kind, $l: [Int!]) { echo(in: $in, n: $n, k: $k, l: $l) }'
const inputs: readonly unknown[] = [
  undefined,
  {},
  { n: null },
  { n: 2_147_483_648 },
  { n: 1.5 },
  { n: '1' },
  { n: true },
  { k: 'A' },
  { k: 'Z' },
  { k: 1 },
  { l: 1 },
  { l: [1, 2] },
  { l: [1, null] },
  { l: ['a'] },
  { l: null },
  { in: {} },
  { in: { must: 'x' } },
  { in: { must: 'x', more: 1 } },
  { in: { must: 'x', number: 2 ** 60 } },
  { in: { must: 'x', number: null, data: { a: [1, { b: null }] } } },
  { in: { must: 'x', data: [] } },
  { in: { must: 'x', at: '2026-11-23T05:16:00Z' } },
  { in: { must: 'x', at: '2026-02-30T05:16:00Z' } },
  { in: { must: 1 } },
  { in: { must: null } },
  { in: { must: 'x', inner: { must: 'y' } } },
  { in: { must: 'x', inner: { must: 1 } } },
  { in: { must: 'x', list: [{ must: 'y' }, null] } },
  { in: { must: 'x', list: { must: 'y' } } },
  { in: [] },
  { in: 'x' },
  { unknown: 1 },
]

const documents: readonly (readonly [string, unknown?])[] = [
  [`{ thing { ${list} } }`],
  [`{ a: thing { b: id } thing { id } thing { name } }`],
  ['{ hidden { id name } }'],
  ['{ hidden { id must: name } thing { id } }'],
  [`{ list { ${list} } }`],
  [`{ strict { ${list} } thing { id } }`],
  [`{ long { ${list} } thing { id } }`],
  ['{ longStrict { id } thing { id } }'],
  ['{ any { __typename ... on Thing { id name } ... on Other { id } } }'],
  ['{ any { ...t } } fragment t on Node { id }'],
  ['{ fails bug thing { id } }'],
  ['mutation { fails }'],
  ['mutation { first: add(n: 1) second: add(n: 2) }'],
  ['mutation { add(n: 1) }'],
  [
    'query ($s: Boolean!) { thing { ...t @skip(if: $s) @include(if: true) } } fragment t on Thing { id }',
    { s: false },
  ],
  [
    'query ($s: Boolean!) { thing { ...t @skip(if: $s) @include(if: true) } } fragment t on Thing { id }',
    { s: true },
  ],
  ['query ($x: Int) { echo(in: { must: "x", data: { a: $x } }) }', { x: 5 }],
  ['query ($x: [Int!]) { echo(l: $x) }', { x: [] }],
  ['{ echo(in: { must: "x", number: 3 }, l: [1, 2], k: B) }'],
  ['{ echo }'],
  ['query ($d: Deep) { echo(d: $d) }', { d: { more: [{ more: [] }] } }],
  ['query ($d: Deep) { echo(d: $d) }', { d: { more: [1] } }],
  ['query ($o: Choice) { echo(o: $o) }', { o: { a: 1 } }],
  ['query ($o: Choice) { echo(o: $o) }', { o: { a: 1, b: 2 } }],
  ['{ __typename thing { __typename } }'],
  ['{ __type(name: "Thing") { name } }'],
  ...inputs.map((variables) => [echo, variables] as const),
]

const rows = documents.map(([query, variables]) => ({
  query,
  variables: variables as Record<string, unknown> | undefined,
}))

test.each(rows)('the fast path answers $query $variables as Apollo Server does', async (request) => {
  const resultOf = async (server: typeof fast) => {
    const { errors, data } = await server.execute(request, context())
    return JSON.stringify({ errors, data })
  }
  const expected = await resultOf(ordinary)
  for (let round = 0; round < 3; round += 1) expect(await resultOf(fast)).toBe(expected)
})

test('only operations that Apollo Server has validated are cached, and for callers with a token only', async () => {
  const request = { query: '{ thing { id kind } }' }
  const anonymous: RequestContext = { ...context(), caller: { role: 'ANONYMOUS' } }
  await fast.execute(request, anonymous)
  expect(fast.executeCached(request, context())).toBeUndefined()
  await fast.execute(request, context())
  expect(await fast.executeCached(request, context())).toMatchObject({
    data: { thing: { id: '1', kind: 'A' } },
  })
  expect(fast.executeCached(request, anonymous)).toBeUndefined()
  await fast.execute({ query: '{ thing { nonsense } }' }, context())
  expect(fast.executeCached({ query: '{ thing { nonsense } }' }, context())).toBeUndefined()
})
