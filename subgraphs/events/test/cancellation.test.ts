import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server, {
    // No test here depends on a time limit of the service.
    env: { REQUEST_TIMEOUT_MS: '600000' },
    maintain: false,
  })
  await events.introduce(1)
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

/** Blocks every reader and writer of raw events until it is released. */
async function holdEvents(): Promise<AsyncDisposable> {
  const client = await events.owner.connect()
  await client.query('BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE')
  let letGo: Promise<void> | undefined
  return {
    [Symbol.asyncDispose]: () =>
      (letGo ??= client.query('ROLLBACK').then(() => {
        client.release()
      })),
  }
}

/** Statements of the service that are being executed now: all of them wait. */
async function running(): Promise<number> {
  const { rows } = await events.owner.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND locktype = 'relation'`,
  )
  return rows[0]?.n ?? 0
}

const maxWait = 20_000
async function until(count: number): Promise<void> {
  const end = Date.now() + maxWait
  for (let now = -1; now !== count; now = await running()) {
    if (Date.now() > end)
      throw new Error(`${String(now)} statements are being executed, not ${String(count)}`)
    await pause(20)
  }
}

/** Sends a request over a connection of its own, which can be closed. */
async function sendOver(path: string, body: string, headers: Record<string, string> = {}) {
  const { port, hostname } = new URL(events.origin)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const head = {
    host: hostname,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    authorization: `Bearer ${events.issuer.tokenFor(events.admin)}`,
    ...headers,
  }
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`)
  return socket
}

const filter = 'filter: { storeId: 1, fromDay: "2026-11-01" }'
const analyses = {
  eventSeries: `{ eventSeries(${filter}, granularity: DAY) { totals { events users } } }`,
  funnel: `{ funnel(${filter}, steps: [{ types: ["a"] }, { types: ["b"] }], withinSeconds: 60) { steps { users } } }`,
  retention: '{ retention(filter: { storeId: 1, fromDay: "2026-11-02" }, weeks: 2) { cohorts { users } } }',
  verifyRollups: '{ verifyRollups(storeId: 1, from: "2026-11-01", to: "2026-11-03") { consistent } }',
}

test.each(Object.entries(analyses))(
  'the query of %s is cancelled in the database soon after its client disconnected',
  async (_name, query) => {
    await using _held = await holdEvents()
    // The second use of an operation takes the fast path.
    for (let n = 0; n < 2; n += 1) {
      const socket = await sendOver('/graphql', JSON.stringify({ query }))
      await until(1)
      socket.destroy()
      await until(0)
    }
  },
)

test('queued analyses are not run when their clients have disconnected', async () => {
  await using held = await holdEvents()
  const body = JSON.stringify({ query: analyses.eventSeries })
  const sockets = await Promise.all(Array.from({ length: 12 }, () => sendOver('/graphql', body)))
  // Small ones: an eighth of the 16 connections.
  await until(2)
  for (const socket of sockets) socket.destroy()
  await until(0)
  await held[Symbol.asyncDispose]()
  const { body: answer } = await events.graphql(events.admin, analyses.eventSeries)
  expect(answer.data.eventSeries.totals).toEqual({ events: 0, users: 0 })
})

test('an analysis ends at the deadline of its caller with a clear error, and no caller can extend the limit', async () => {
  await using _held = await holdEvents()
  const request = (timeout: string, service = events) =>
    service.send(
      'POST',
      '/graphql',
      service.admin,
      { query: analyses.eventSeries },
      { 'x-timeout-ms': timeout },
    )
  const { body } = await request('100')
  expect(body.errors[0].extensions.code).toBe('QUERY_TOO_EXPENSIVE')
  await until(0)
  await using hurried = await startEvents(server, {
    env: { REQUEST_TIMEOUT_MS: '100' },
    database: events.database,
    maintain: false,
  })
  for (const timeout of ['999999', '-1', 'nonsense', '1e9']) {
    const answer = await request(timeout, hurried)
    expect(answer.body.errors[0].extensions.code).toBe('QUERY_TOO_EXPENSIVE')
  }
})

test('an event is recorded although its client has disconnected: it may have been accepted', async () => {
  await using held = await holdEvents()
  const input = { type: 'left', user_id: 'u', store_id: 1, data: {} }
  const socket = await sendOver('/api/event', JSON.stringify(input))
  await until(1)
  socket.destroy()
  await held[Symbol.asyncDispose]()
  const amount = () => events.send('GET', '/api/event/amount/left', events.admin)
  let found = await amount()
  for (const end = Date.now() + maxWait; found.body.length === 0 && Date.now() < end; found = await amount())
    await pause(20)
  expect(found.body).toEqual([{ date: expect.any(String), event_amount: 1 }])
})
