import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { tagsOf } from '@user-stats/graphql'
import {
  buildClientSchema,
  getIntrospectionQuery,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  Kind,
  parse,
  printSchema,
  validate,
  type FieldDefinitionNode,
  type GraphQLSchema,
  type IntrospectionQuery,
  type ObjectTypeDefinitionNode,
} from 'graphql'
import { readyMadeTabs } from '../src/pages/playground/tabs.ts'
import { startGraph, type Graph } from './support/gateway.ts'

const sdl = await readFile(join(import.meta.dirname, '../supergraph.graphql'), 'utf8')

let graph: Graph
let analysts: readonly string[]
beforeAll(async () => {
  graph = await startGraph()
  analysts = [
    graph.issuer.tokenFor({ role: 'ANALYST', keyId: 'k-3', storeId: 1 }),
    graph.issuer.tokenFor({ role: 'ANALYST', keyId: 'k-4', storeId: undefined }),
  ]
})
afterAll(() => graph[Symbol.asyncDispose]())
beforeEach(() => {
  graph.users.requests.length = 0
  graph.events.requests.length = 0
})
const [analystOfStore, analystOfAll] = [() => analysts[0] ?? '', () => analysts[1] ?? '']
const hits = () => graph.users.requests.length + graph.events.requests.length

interface Tagged {
  readonly type: ObjectTypeDefinitionNode
  readonly field: FieldDefinitionNode
}
const isInaccessible = ({ directives = [] }: { directives?: Tagged['type']['directives'] }): boolean =>
  directives.some(({ name }) => name.value === 'inaccessible')
const fields: readonly Tagged[] = parse(sdl)
  .definitions.filter((node) => node.kind === Kind.OBJECT_TYPE_DEFINITION)
  .filter((type) => !isInaccessible(type))
  .flatMap((type) => (type.fields ?? []).map((field) => ({ type, field })))
  .filter(({ field }) => !isInaccessible(field))
const shown = ({ field }: Tagged): boolean => tagsOf(field).includes('analyst')

async function introspected(token: string): Promise<GraphQLSchema> {
  const { body } = await graph.graphql(token, getIntrospectionQuery({ descriptions: false }))
  return buildClientSchema(body.data as unknown as IntrospectionQuery)
}

/** The names of all types, and of all fields as `Type.field`. */
function namesIn(schema: GraphQLSchema): ReadonlySet<string> {
  const names = new Set<string>()
  for (const type of Object.values(schema.getTypeMap())) {
    names.add(type.name)
    if (isObjectType(type) || isInterfaceType(type) || isInputObjectType(type))
      for (const field of Object.keys(type.getFields())) names.add(`${type.name}.${field}`)
  }
  return names
}

test('every field of the graph is tagged as visible or hidden for analysts', () => {
  const undecided = fields.filter(({ type, field }) => {
    const [own, ofType] = [tagsOf(field), tagsOf(type)]
    const decisions = ['analyst', 'withheld'].filter((tag) => own.includes(tag))
    return decisions.length > 1 || (decisions.length === 0 && !ofType.includes('withheld'))
  })
  // Add `@tag(name: "analyst")` or `@tag(name: "withheld")` in the SDL, for a field or a whole type.
  expect(undecided.map(({ type, field }) => `${type.name.value}.${field.name.value}`)).toEqual([])
  expect(fields.filter(shown).length).toBeGreaterThan(50)
})

test('the schema of analysts is the snapshot, arguments and inputs included', async () => {
  expect(printSchema(await introspected(analystOfAll()))).toMatchSnapshot()
  expect(printSchema(await introspected(analystOfStore()))).toBe(
    printSchema(await introspected(analystOfAll())),
  )
})

test('stores and admins see the whole schema, analysts none of its hidden parts', async () => {
  const whole = await introspected(graph.store)
  expect(namesIn(await introspected(graph.admin))).toEqual(namesIn(whole))
  const theirs = namesIn(await introspected(analystOfAll()))
  for (const one of fields) {
    const name = `${one.type.name.value}.${one.field.name.value}`
    expect([name, namesIn(whole).has(name)]).toEqual([name, true])
    expect([name, theirs.has(name)]).toEqual([name, shown(one)])
  }
  expect(theirs.isSubsetOf(namesIn(whole))).toBe(true)
  for (const type of ['User', 'Event', 'ApiKey', 'Role', 'JSONObject', 'CreateUserInput', 'RecordEventInput'])
    expect([type, theirs.has(type)]).toEqual([type, false])
})

test('introspection by name finds visible types only', async () => {
  const query = '{ user: __type(name: "User") { name } day: __type(name: "DailyAmount") { name } }'
  expect((await graph.graphql(analystOfAll(), query)).body.data).toEqual({
    user: null,
    day: { name: 'DailyAmount' },
  })
  expect((await graph.graphql(graph.store, query)).body.data.user).toEqual({ name: 'User' })
})

test("suggestions to an analyst come from the analysts' schema", async () => {
  const typo = '{ userByEmial(email: "a") { id } evnts { nodes { id } } eventAmuont(type: "a") { date } }'
  const responseTo = async (token: string) => JSON.stringify((await graph.graphql(token, typo)).body)
  expect(await responseTo(graph.store)).toMatch(/userByEmail/)
  expect(await responseTo(analystOfAll())).toMatch(/Did you mean \\"eventAmount\\"/)
  expect(await responseTo(analystOfAll())).not.toMatch(/userByEmail|"events"|\\"events\\"/)
})

test('a hidden field is rejected before any subgraph is called, however the document is written', async () => {
  const roots = fields.filter((one) => !shown(one) && ['Query', 'Mutation'].includes(one.type.name.value))
  expect(roots.length).toBeGreaterThan(15)
  for (const { type, field } of roots) {
    const operation = type.name.value === 'Query' ? 'query' : 'mutation'
    const { body } = await graph.graphql(analystOfAll(), `${operation} { ${field.name.value} }`)
    expect(body).toEqual({
      errors: [
        expect.objectContaining({
          message: expect.stringContaining(`Cannot query field "${field.name.value}"`),
          extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
        }),
      ],
    })
  }
  for (const query of [
    '{ store(id: 1) { ... on User { email } } }',
    '{ ...more } fragment more on User { email }',
    'query($input: CreateUserInput!) { store(id: 1) { id } }',
    '{ _entities(representations: []) { __typename } }',
    '{ _service { sdl } }',
  ])
    expect((await graph.graphql(analystOfAll(), query)).body).not.toHaveProperty('data')
  expect(hits()).toBe(0)
})

test.each([
  ['GET', '/api/user/jane@example.org'],
  ['POST', '/api/event'],
  ['DELETE', '/api/user/u-1'],
  ['POST', '/api/events'],
])('over REST hidden data is 403 for an analyst: %s %s', async (method, path) => {
  const event = { type: 'a', user_id: 'u', data: {} }
  const answer = await graph.send(method, path, {
    headers: { authorization: `Bearer ${analystOfAll()}`, 'content-type': 'application/json' },
    ...(method === 'POST' && { body: JSON.stringify(path === '/api/events' ? [event] : event) }),
  })
  expect([answer.status, answer.body.code]).toEqual([403, 'FORBIDDEN'])
  expect(hits()).toBe(0)
})

test('an operation that a store sent before is still rejected for an analyst', async () => {
  const query = 'query Users { userByEmail(email: "jane@example.org") { email } }'
  for (let time = 0; time < 3; time += 1)
    expect((await graph.graphql(graph.store, query)).body.data.userByEmail).toEqual({
      email: 'Jane@example.org',
    })
  const before = hits()
  for (const analyst of analysts)
    for (let time = 0; time < 3; time += 1)
      expect((await graph.graphql(analyst, query)).body.errors[0]?.extensions['code']).toBe(
        'GRAPHQL_VALIDATION_FAILED',
      )
  expect(hits()).toBe(before)
})

test('analysts read what they may see, across both subgraphs', async () => {
  const query = '{ stores { nodes { name eventAmount { date eventAmount } } } topEventTypes { type } }'
  for (let time = 0; time < 3; time += 1) {
    const { body } = await graph.graphql(analystOfAll(), query)
    expect(body).toEqual({
      data: {
        stores: {
          nodes: [
            {
              name: 'Shop',
              eventAmount: [
                { date: '2026-11-23', eventAmount: 12 },
                { date: '2026-11-22', eventAmount: 8 },
              ],
            },
          ],
        },
        topEventTypes: [{ type: 'purchase' }],
      },
    })
  }
  expect((await graph.rest(analystOfAll(), 'GET', '/api/event/amount/purchase')).status).toBe(200)
})

test("the playground's tabs are valid in the analysts' schema", async () => {
  const schema = await introspected(analystOfAll())
  for (const { query } of readyMadeTabs) expect(validate(schema, parse(query))).toEqual([])
})
