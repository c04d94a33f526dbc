import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { createLogger } from '@user-stats/http'
import type { RequestContext } from '@user-stats/graphql'
import { getOperationAST, parse } from 'graphql'
import { executeOnSubgraphs } from '@user-stats/fast-path/gateway'
import type { SubgraphDataSource } from '../src/subgraphs/subgraph-data-source.ts'
import { createSupergraphVersion } from '../src/supergraph/supergraph-version.ts'

const sdl = await readFile(join(import.meta.dirname, '../supergraph.graphql'), 'utf8')
const event = (id: string, ref: string) => ({
  __typename: 'Event',
  id,
  user: { __typename: 'User', storeId: 1, ref },
  store: { __typename: 'Store', id: 1 },
})

/**
 * A stub of either subgraph, with the same response whether the executor or the fast path sends the
 * operation.
 */
const subgraph = (name: string): SubgraphDataSource => {
  const dataFor = (query: string, variables: { readonly representations?: readonly object[] }) => {
    if (variables.representations)
      return {
        _entities: variables.representations.map((one) => ({
          ...one,
          id: 'u',
          email: 'e',
          name: 'Shop',
          eventCount: 2,
        })),
      }
    return name === 'events'
      ? { events: { nodes: [event('1', 'a'), event('2', 'b')] } }
      : { user: { __typename: 'User', id: 'u', storeId: 1, ref: 'u', email: 'e' } }
  }
  return {
    process: ({ request }) =>
      Promise.resolve({ data: dataFor(request.query ?? '', request.variables ?? {}) }),
    forward: ({ query, variables }) =>
      Promise.resolve({
        status: 200,
        text: JSON.stringify({ data: dataFor(query ?? '', variables ?? {}) }),
      }),
  }
}

/**
 * Executes an operation three times. @returns the responses, and how often the gateway's executor was called
 */
async function execute(query: string, variables = {}) {
  const version = await createSupergraphVersion({
    sdl,
    dataSource: ({ name }) => subgraph(name),
    log: createLogger({ name: 'test', level: 'silent' }),
  })
  const document = parse(query)
  const operation = getOperationAST(document)
  if (!operation) throw new Error('no operation')
  let executed = 0
  const run = executeOnSubgraphs(
    { schema: version.schema, document, operation, source: query, name: undefined },
    {
      ...version,
      executor: (request) => {
        executed += 1
        return version.executor(request)
      },
    },
  )
  const answers: unknown[] = []
  for (let round = 0; round < 3; round += 1) {
    const answer = await run(variables, {} as RequestContext)
    answers.push(answer && 'text' in answer ? JSON.parse(answer.text) : JSON.parse(JSON.stringify(answer)))
  }
  return { answers, executed }
}

test.each([
  '{ events { nodes { id user { email } } } }',
  '{ events { nodes { id user { email } store { name } } } }',
  '{ user(id: "u") { email eventCount } }',
])('%s is joined from its second request on, with the same response', async (query) => {
  const { answers, executed } = await execute(query)
  expect(executed).toBe(1)
  expect(answers[1]).toEqual(answers[0])
  expect(answers[2]).toEqual(answers[0])
  expect(JSON.stringify(answers[0])).not.toMatch(/__typename|errors/)
})

test.each([
  '{ events { nodes { id user { email @skip(if: false) } } } }',
  '{ events { nodes { ... on Event { id user { email } } } } }',
  '{ events { nodes { id user { email __typename } } } }',
  '{ events { nodes { id user { email } user { id } } } }',
  '{ events { nodes { id user { __proto__: email } } } }',
])('%s is always left to the executor', async (query) => {
  const { executed } = await execute(query)
  expect(executed).toBe(3)
})
