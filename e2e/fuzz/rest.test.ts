import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { expectKept } from './rest/acknowledged.ts'
import { judge } from './rest/inspect.ts'
import { operationsOf, type Operation } from './rest/operations.ts'
import { requestsFor, type RestRequest } from './rest/requests.ts'
import { writeRequest } from './rest/write.ts'
import { runs } from './runs.ts'
import { ports, startSession, type Session } from './session.ts'

let session: Session
const operations: Operation[] = []
const succeeded = new Set<Operation>()
beforeAll(async () => {
  session = await startSession()
  const documents = await Promise.all(ports.map((port) => session.document(port)))
  session.publish(documents.map((document) => JSON.stringify(document)))
  operations.push(...ports.flatMap((port, at) => operationsOf(port, documents[at])))
}, 180_000)
afterAll(async () => {
  await session[Symbol.asyncDispose]()
}, 60_000)

async function send(operation: Operation, request: RestRequest): Promise<void> {
  const { world, exchange, inspect } = session
  const outgoing = writeRequest(
    operation.path,
    request,
    world.tokens[request.role],
    world.refsFor(request.role),
  )
  const answer = await exchange(operation.port, outgoing)
  await session.explain(outgoing, answer, async () => {
    const verdict = judge(operations, operation, outgoing, answer)
    await inspect(request.role, answer, verdict)
    if (verdict.refusal !== undefined) return
    succeeded.add(operation)
    await expectKept(world, operation, outgoing, answer)
  })
}

test('any request to a REST path gets a documented response, reveals nothing and changes nothing it does not acknowledge', async () => {
  expect(operations.length).toBeGreaterThan(20)
  const byName = new Map(
    operations.map((operation) => [`${operation.port} ${operation.method} ${operation.path}`, operation]),
  )
  const each = [...byName].map(([name, operation]) => fc.tuple(fc.constant(name), requestsFor(operation)))
  await fc.assert(
    fc.asyncProperty(fc.oneof(...each), async ([name, request]) => {
      const operation = byName.get(name)
      if (operation !== undefined) await send(operation, request)
    }),
    runs(300),
  )
  // Most requests are nearly valid, so that enough of them succeed.
  expect(succeeded.size).toBeGreaterThan(Math.min(operations.length, runs(300).numRuns / 20) / 2)
}, 3_600_000)
