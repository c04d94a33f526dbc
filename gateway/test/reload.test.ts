import { mkdtemp, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { composeServices } from '@apollo/composition'
import { expect, test } from '@jest/globals'
import { parse } from 'graphql'
import { introspect, startGateway, startGraph, type Graph } from './support/gateway.ts'
import { startStubSubgraph } from './support/stub-subgraph.ts'

const committed = await readFile(join(import.meta.dirname, '../supergraph.graphql'), 'utf8')
/** The same graph with another name for a field. */
const renamed = (name: string) => committed.replace('  topEventTypes(', `  ${name}(`)

async function createFile(content: string) {
  const folder = await mkdtemp(join(tmpdir(), 'supergraph-'))
  const path = join(folder, 'supergraph.graphql')
  await writeFile(path, content)
  return {
    path,
    replace: async (next: string) => {
      await writeFile(`${path}.next`, next)
      await rename(`${path}.next`, path)
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}

async function until(met: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await met())) await new Promise(setImmediate)
}

const fieldsOf = async (graph: Graph): Promise<string[]> => (await introspect(graph)).queries

test('the file may be replaced again and again while requests are served', async () => {
  await using file = await createFile(committed)
  await using graph = await startGraph({ SUPERGRAPH_PATH: file.path }, { pollInterval: 10 })
  const outcomes = new Set<string>()
  let done = false
  const client = async () => {
    while (!done) {
      const { status, body } = await graph.graphql(graph.store, '{ user(id: "u-1") { id eventCount } }')
      outcomes.add(`${String(status)} ${JSON.stringify(body)}`)
    }
  }
  const clients = Promise.all([client(), client(), client()])
  for (const name of ['firstTypes', 'secondTypes', 'thirdTypes']) {
    await file.replace(renamed(name))
    await until(async () => (await fieldsOf(graph)).includes(name))
    expect(await fieldsOf(graph)).not.toContain('topEventTypes')
  }
  done = true
  await clients
  expect([...outcomes]).toEqual(['200 {"data":{"user":{"id":"u-1","eventCount":2}}}'])
})

test('a request in flight finishes on the schema it was validated against', async () => {
  await using file = await createFile(committed)
  await using graph = await startGraph({ SUPERGRAPH_PATH: file.path }, { pollInterval: 10 })
  const { promise, resolve } = Promise.withResolvers()
  graph.events.respond = () => promise
  const underWay = graph.graphql(graph.store, '{ topEventTypes { type } }')
  await until(() => graph.events.requests.length === 1)
  await file.replace(renamed('other'))
  await until(async () => (await fieldsOf(graph)).includes('other'))
  resolve({ data: { topEventTypes: [{ type: 'purchase' }] } })
  expect((await underWay).body).toEqual({ data: { topEventTypes: [{ type: 'purchase' }] } })
})

test('an invalid, half written or missing file is logged, and the graph stays until the file is valid again', async () => {
  await using file = await createFile(committed)
  await using graph = await startGraph({ SUPERGRAPH_PATH: file.path }, { pollInterval: 10 })
  const complaints = () => graph.logged().split('the current one stays').length - 1
  for (const [at, broken] of ['type Query { a: Int }', committed.slice(0, 9_000), undefined].entries()) {
    await (broken === undefined ? unlink(file.path) : file.replace(broken))
    await until(() => complaints() > at)
    expect((await graph.graphql(graph.store, '{ topEventTypes { type } }')).status).toBe(200)
    expect((await graph.send('GET', '/health/ready')).status).toBe(200)
  }
  expect(complaints()).toBe(3)
  await file.replace(renamed('healed'))
  await until(async () => (await fieldsOf(graph)).includes('healed'))
})

test.each([
  ['there is none', undefined, /^SUPERGRAPH_PATH: the file .* cannot be read$/],
  [
    'it is no supergraph',
    'type Query { a: Int }',
    /^SUPERGRAPH_PATH: the file .* holds no valid supergraph: /,
  ],
])('a gateway does not start when %s, and reports it in one line', async (_what, content, message) => {
  await using file = await createFile(content ?? '')
  if (content === undefined) await unlink(file.path)
  await expect(startGateway({ SUPERGRAPH_PATH: file.path })).rejects.toThrow(message)
})

test('any graph can be served: variables locate its subgraphs, else the file does', async () => {
  const link =
    'extend schema @link(url: "https://specs.apollo.dev/federation/v2.7", import: ["@key", "@external", "@requires"])'
  const products = parse(`${link}
    type Query { product(id: ID!): Product }
    type Product @key(fields: "id") { id: ID! weight: Int! }`)
  const shipping = parse(`${link}
    type Product @key(fields: "id") {
      id: ID! weight: Int! @external cost(rate: Int! = 2): Int! @requires(fields: "weight")
    }`)
  await using first = await startStubSubgraph({
    typeDefs: products,
    resolvers: { Query: { product: (_: unknown, { id }: { id: string }) => ({ id, weight: 21 }) } },
  })
  await using second = await startStubSubgraph({
    typeDefs: shipping,
    resolvers: {
      Product: {
        __resolveReference: (product: object) => product,
        cost: ({ weight }: { weight: number }, { rate }: { rate: number }) => weight * rate,
      },
    },
  })
  const { supergraphSdl = '' } = composeServices([
    { name: 'our-products', url: 'http://127.0.0.1:9/elsewhere', typeDefs: products },
    { name: 'shipping', url: `${second.origin}/graphql`, typeDefs: shipping },
  ])
  await using file = await createFile(supergraphSdl)
  await using gateway = await startGateway({ SUPERGRAPH_PATH: file.path, OUR_PRODUCTS_URL: first.origin })
  const { body } = await gateway.graphql(
    undefined,
    'query($rate: Int!, $no: Boolean!) { a: product(id: 7) { id cost(rate: $rate) weight @skip(if: $no) ...more } } fragment more on Product { double: cost }',
    { rate: 3, no: true },
  )
  expect(body).toEqual({ data: { a: { id: '7', cost: 63, double: 42 } } })
})

test('a hidden member of an input is rejected in variables, by every execution strategy', async () => {
  await using file = await createFile(
    committed.replace(/(input RecordEventInput[^}]*storeId: Int)\n/, '$1 @inaccessible\n'),
  )
  await using graph = await startGraph({ SUPERGRAPH_PATH: file.path })
  const mutation = 'mutation($input: RecordEventInput!) { recordEvent(input: $input) { duplicate } }'
  const input = { type: 'a', userId: 'u' }
  for (let round = 0; round < 3; round += 1) {
    expect((await graph.graphql(graph.store, mutation, { input })).status).toBe(200)
    expect(await graph.graphql(graph.store, mutation, { input: { ...input, storeId: 1 } })).toMatchObject({
      body: { errors: [{ message: expect.stringContaining('"storeId" is not defined') }] },
    })
  }
  expect(graph.events.requests).toHaveLength(3)
})
