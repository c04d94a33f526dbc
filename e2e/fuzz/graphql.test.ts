import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { printSchema, type GraphQLSchema } from 'graphql'
import { judge } from './graph/inspect.ts'
import { operationsOf } from './graph/operations.ts'
import { isWhole, requestsFor, writeRequest, type GraphRequest } from './graph/requests.ts'
import { runs } from './runs.ts'
import { ports, startSession, type Port, type Session } from './session.ts'

let session: Session
const schemas = new Map<string, { readonly port: Port; readonly schema: GraphQLSchema }>()
const succeeded = new Set<string>()
beforeAll(async () => {
  session = await startSession()
  // An admin's schema covers everything; a store's schema covers what stores use.
  for (const port of ports)
    for (const role of ['admin', 'store'] as const)
      schemas.set(`${port} as ${role} sees it`, { port, schema: await session.schema(port, role) })
  session.publish([...schemas.values()].map(({ schema }) => printSchema(schema)))
}, 300_000)
afterAll(async () => {
  await session[Symbol.asyncDispose]()
}, 60_000)

async function send(at: string, name: string, request: GraphRequest): Promise<void> {
  const found = schemas.get(at)
  if (found === undefined) throw new Error(`${at} is not known`)
  const { port, schema } = found
  const { world, exchange, inspect, explain } = session
  const outgoing = writeRequest(request, world.tokens[request.role], world.refsFor(request.role))
  const answer = await exchange(port, outgoing)
  await explain(outgoing, answer, async () => {
    const verdict = judge(schema, request, answer)
    await inspect(request.role, answer, verdict)
    if (verdict.refusal === undefined) succeeded.add(`${port} ${name}`)
    if (request.operation.kind === 'mutation' || !isWhole(request)) return
    // The second time an operation takes the fast path. The results are equal, except for the time of a
    // snapshot.
    const again = await exchange(port, outgoing)
    expect(again.status).toBe(answer.status)
    if (!answer.text.includes('asOf') && !outgoing.body?.toString().includes('asOf'))
      expect(again.text).toBe(answer.text)
    await inspect(request.role, again, judge(schema, request, again))
  })
}

test('any operation of the graph gets a response that matches its schema, reveals nothing and changes nothing it does not acknowledge', async () => {
  const each = [...schemas].flatMap(([at, { schema }]) =>
    [...operationsOf(schema)].map(([name, operation]) =>
      fc.tuple(fc.constant(at), fc.constant(name), requestsFor(operation)),
    ),
  )
  expect(each.length).toBeGreaterThan(60)
  await fc.assert(
    fc.asyncProperty(fc.oneof(...each), ([at, name, request]) => send(at, name, request)),
    runs(300),
  )
  expect(succeeded.size).toBeGreaterThan(Math.min(60, runs(300).numRuns / 20) / 2)
}, 3_600_000)
