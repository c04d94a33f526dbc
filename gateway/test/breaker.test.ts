import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { RawEnv } from '@user-stats/config'
import { catalogue } from '@user-stats/core'
import { startGraph, type GatewayResponse, type Graph } from './support/gateway.ts'

const threshold = 5
let graph: Graph
const start = async (variables: RawEnv = {}): Promise<void> => {
  graph = await startGraph(variables, { subgraphTimeout: 150 })
}
beforeEach(() => start())
afterEach(() => graph[Symbol.asyncDispose]())

async function restartWithBatches(): Promise<void> {
  await graph[Symbol.asyncDispose]()
  await start({ FAST_PATH: 'true', GATEWAY_SECRET: 'a-secret-of-the-gateway' })
}

const jane = '{ userByEmail(email: "jane@example.org") { id } }'
const request = (query = jane): Promise<GatewayResponse> => graph.graphql(graph.store, query)
const never = () => new Promise(() => undefined)
const stateOf = async (peer: string) => {
  const text = await graph.metrics()
  return new RegExp(`^circuit_breaker_state\\{peer="${peer}",service="gateway"\\} (\\d)$`, 'm').exec(
    text,
  )?.[1]
}
const away = { code: 'SUBGRAPH_UNAVAILABLE', retryAfter: 1 }

/** Repeats a request until its response fits. */
async function until(fits: (answer: GatewayResponse) => boolean): Promise<void> {
  const end = Date.now() + 20_000
  while (!fits(await request())) {
    if (Date.now() > end) throw new Error('no response fitted')
    await pause(20)
  }
}

test('after a few timeouts no more requests are sent to a subgraph, until a probe finds that it answers', async () => {
  graph.users.respond = never
  for (let n = 0; n < threshold; n += 1) expect((await request()).status).toBe(503)
  expect(await stateOf('users')).toBe('2')
  const sent = graph.users.requests.length
  const refused = await request()
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
  expect(refused.body).toMatchObject({
    data: { userByEmail: null },
    errors: [{ path: ['userByEmail'], extensions: away }],
  })
  expect(graph.users.requests.length).toBe(sent)
  // The circuit breaker of the other subgraph stays closed.
  expect((await request('{ topEventTypes { type } }')).status).toBe(200)
  expect(await stateOf('events')).toBe('0')

  graph.users.respond = undefined
  await until(({ status }) => status === 200)
  expect(await stateOf('users')).toBe('0')
  expect(graph.logged().match(/requests to it are suspended/g)).toHaveLength(1)
  expect(graph.logged().match(/peer answers again/g)).toHaveLength(1)
})

test('broken connections open the circuit too, over REST and GraphQL', async () => {
  graph.users.respond = (reply) => reply.raw.destroy()
  for (let n = 0; n < threshold; n += 1) await request()
  const sent = graph.users.requests.length
  const answer = await graph.rest(graph.store, 'GET', '/api/user/jane@example.org')
  expect([answer.status, answer.body.code, answer.headers.get('retry-after')]).toEqual([503, away.code, '1'])
  expect(graph.users.requests.length).toBe(sent)
})

test('errors that a subgraph returns never open the circuit', async () => {
  const names = ['taken', 'busy', 'boom', 'name']
  for (let n = 0; n < threshold * 4; n += 1)
    await request(`{ userByEmail(email: "${names[n % names.length] ?? ''}@example.org") { id } }`)
  graph.users.respond = (reply) =>
    reply.code(503).send({ errors: [{ message: 'Busy.', extensions: { code: 'DATABASE_UNAVAILABLE' } }] })
  for (let n = 0; n < threshold * 2; n += 1) await request()
  expect(graph.users.requests.length).toBe(threshold * 6)
  expect(await stateOf('users')).toBe('0')
})

test.each(['OVERLOADED', 'TOO_MANY_REQUESTS', 'QUEUE_FULL'] as const)(
  'a subgraph that rejects requests with %s keeps the circuit closed, and each client receives its error',
  async (code) => {
    await restartWithBatches()
    const status = catalogue[code].status
    const refusal = { errors: [{ message: 'Busy.', extensions: { code, retryAfter: 7 } }] }
    const expected = { message: 'Busy.', extensions: { code, retryAfter: 7 } }
    let batches = 0
    graph.events.respond = (reply) => reply.code(status).send(refusal)
    graph.events.respondToBatch = (reply) => {
      batches += 1
      return reply.code(status).send(refusal)
    }
    // Both entities are fetched in the same turn, in one batch.
    const joined =
      '{ userByEmail(email: "jane@example.org") { eventCount } store(id: 1) { eventAmount(type: "a") { date } } }'
    for (let n = 0; n < threshold * 2; n += 1) {
      const { body } = await request(joined)
      expect(body.errors).toHaveLength(2)
      expect(body.errors).toMatchObject([expected, expected])
      const alone = await request('{ topEventTypes { type } }')
      expect([alone.status, alone.headers.get('retry-after')]).toEqual([status, '7'])
      expect(alone.body.errors).toMatchObject([expected])
      const answer = await graph.rest(graph.store, 'GET', '/api/event/amount/a')
      expect([answer.status, answer.body.code, answer.headers.get('retry-after')]).toEqual([
        status,
        code,
        '7',
      ])
    }
    expect(batches).toBe(threshold * 2)
    expect(await stateOf('events')).toBe('0')
  },
)

test('an operation of a batch may be rejected without the others', async () => {
  await restartWithBatches()
  const refusal = JSON.stringify({
    errors: [{ message: 'Busy.', extensions: { code: 'QUEUE_FULL', retryAfter: 7 } }],
  })
  graph.events.respondToBatch = (reply) =>
    reply.send(`[1,503,${refusal}]\n[0,200,{"data":{"_entities":[{"eventCount":2}]}}]\n`)
  const query =
    '{ userByEmail(email: "jane@example.org") { eventCount } store(id: 1) { eventAmount(type: "a") { date } } }'
  for (let n = 0; n < threshold * 2; n += 1) {
    const { status, body } = await request(query)
    expect([status, body.data]).toEqual([
      200,
      { userByEmail: { eventCount: 2 }, store: { eventAmount: null } },
    ])
    expect(body.errors).toMatchObject([{ extensions: { code: 'QUEUE_FULL', retryAfter: 7 } }])
  }
  expect(await stateOf('events')).toBe('0')
})

test('a client that disconnects cancels the request to the subgraph, which is no failure of it', async () => {
  // So that the next request takes the fast path.
  await request()
  for (let n = 0; n < threshold * 2; n += 1) {
    const ended = Promise.withResolvers<boolean>()
    const arrived = Promise.withResolvers<undefined>()
    graph.users.respond = (reply) => {
      reply.raw.once('close', () => {
        ended.resolve(reply.raw.writableFinished)
      })
      arrived.resolve(undefined)
      return never()
    }
    const { port, hostname } = new URL(graph.origin)
    const socket = connect(Number(port), hostname)
    await once(socket, 'connect')
    const body = JSON.stringify({ query: jane })
    socket.write(
      `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer ${graph.store}\r\ncontent-length: ${String(body.length)}\r\n\r\n${body}`,
    )
    await arrived.promise
    socket.destroy()
    expect(await ended.promise).toBe(false)
  }
  graph.users.respond = undefined
  expect((await request()).status).toBe(200)
})

test("a subgraph receives the time left, never more than the request's own limit", async () => {
  const timeLeft = () => Number(graph.users.requests.at(-1)?.headers['x-timeout-ms'])
  await request()
  expect(timeLeft()).toBeGreaterThan(0)
  expect(timeLeft()).toBeLessThan(150)
  await using hurried = await startGraph({ REQUEST_TIMEOUT_MS: '100' })
  // A client's own header is not forwarded.
  await hurried.graphql(hurried.store, jane, {}, { 'x-timeout-ms': '99999' })
  expect(Number(hurried.users.requests.at(-1)?.headers['x-timeout-ms'])).toBeLessThanOrEqual(100)
})
