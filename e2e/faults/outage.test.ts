import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client } from 'pg'
import { authenticate, call, type LegacyAnswer } from '../support/legacy-client.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'

let stack: TestStack
let admin: string
let store: { id: number; token: string }
let owner: Client
const jane = { email: 'jane@example.org', username: 'jane', first_name: 'Jane', last_name: 'Doe', phone: 1 }
beforeAll(async () => {
  // Timeouts: 12 s for a subgraph, 8 s for an analysis.
  stack = await startTestStack({ durable: true, env: { REQUEST_TIMEOUT_MS: '16000' } })
  const { gateway } = stack.urls
  admin = await authenticate(gateway, stack.adminApiKey)
  const { body } = await call(gateway, 'POST', '/api/store', { token: admin, body: { name: 'Shoes' } })
  store = { id: body.id, token: await authenticate(gateway, body.api_key) }
  const { body: user } = await call(gateway, 'POST', '/api/user', { token: store.token, body: jane })
  expect((await record({ user_id: user.id as string })).status).toBe(201)
  owner = new Client({ connectionString: stack.databases.events.ownerUrl })
  owner.on('error', () => undefined)
  await owner.connect()
}, 120_000)
afterAll(async () => {
  await owner.end().catch(() => undefined)
  await stack.stop()
}, 60_000)

const rest = (method: string, path: string, body?: Record<string, unknown>): Promise<LegacyAnswer> =>
  call(stack.urls.gateway, method, path, { token: store.token, ...(body && { body }) })
const record = (more: Record<string, unknown> = {}) =>
  rest('POST', '/api/event', { type: 'view', user_id: 'visitor', data: {}, ...more })
const request = (query: string, token = store.token): Promise<LegacyAnswer> =>
  call(stack.urls.gateway, 'POST', '/graphql', { token, body: { query } })

const person = '{ userByEmail(email: "jane@example.org") { firstName } }'
const statistics = '{ topEventTypes { type } }'
const both = '{ userByEmail(email: "jane@example.org") { firstName eventCount } }'

/** Retries until everything works again, without a restart. */
async function recovered(): Promise<void> {
  const end = Date.now() + 40_000
  const whole = async (): Promise<boolean> => {
    const answers = await Promise.all([request(both), request(statistics), record()])
    return answers.every(({ status, body }) => status < 300 && body.errors === undefined)
  }
  while (!(await whole())) {
    if (Date.now() > end) throw new Error('it did not recover')
    await pause(100)
  }
}

const isAway = ({ status, headers, body }: LegacyAnswer) => ({
  status,
  retryAfter: Number(headers.get('retry-after')) > 0,
  code: body.code ?? body.errors[0].extensions.code,
})
const away = (code: unknown = expect.stringMatching(/^(SUBGRAPH|DATABASE)_UNAVAILABLE$/)) => ({
  status: 503,
  retryAfter: true,
  code,
})

const outages: readonly [string, () => Promise<unknown>, () => Promise<unknown>][] = [
  ['service is stopped', () => stack.services.events.stop(), () => stack.services.events.start()],
  ['database is stopped', () => stack.databases.events.stop(), () => stack.databases.events.start()],
  [
    'service hangs',
    () => Promise.resolve(process.kill(stack.services.events.pid ?? 0, 'SIGSTOP')),
    () => Promise.resolve(process.kill(stack.services.events.pid ?? 0, 'SIGCONT')),
  ],
]

test.each(outages)(
  'while the events %s, users can be read, missing statistics are reported by name, writes are 503, and all recovers',
  async (_what, goAway, comeBack) => {
    await goAway()
    try {
      const { body: known } = await request(person)
      expect([known.errors, known.data]).toEqual([undefined, { userByEmail: { firstName: 'Jane' } }])
      // At once: what hangs takes its time.
      const [joined, statisticsOnly, ...writes] = await Promise.all([
        request(both),
        request(statistics),
        record(),
        request('mutation { recordEvent(input: { type: "a", userId: "u" }) { duplicate } }'),
      ])
      const { status, body } = joined
      expect([status, body.data]).toEqual([200, { userByEmail: { firstName: 'Jane', eventCount: null } }])
      expect(body.errors).toEqual([
        {
          message: expect.any(String),
          path: ['userByEmail', 'eventCount'],
          extensions: { code: away().code, retryAfter: 1 },
        },
      ])
      for (const answer of [statisticsOnly, ...writes]) expect(isAway(answer)).toEqual(away())
    } finally {
      await comeBack()
    }
    await recovered()
  },
  120_000,
)

test('while the users service and its database are down, events are recorded and read, and all recovers', async () => {
  await stack.services.users.stop('SIGKILL')
  await stack.databases.users.stop()
  try {
    expect((await record()).status).toBe(201)
    expect((await request(statistics)).body.data.topEventTypes).toContainEqual({ type: 'view' })
    const { body } = await request('{ events(first: 1) { nodes { userId user { email } } } }')
    expect(body.data.events.nodes).toEqual([{ userId: 'visitor', user: null }])
    expect(body.errors).toMatchObject([
      { path: ['events', 'nodes', 0, 'user', 'email'], extensions: { code: 'SUBGRAPH_UNAVAILABLE' } },
    ])
    expect(isAway(await request(person))).toEqual(away())
    expect(isAway(await rest('PATCH', '/api/user', { ...jane, first_name: 'Joan' }))).toEqual(away())
    const login = await call(stack.urls.gateway, 'POST', '/api/auth/', {
      body: { api_key: stack.adminApiKey },
    })
    expect(isAway(login)).toEqual(away())
  } finally {
    await stack.databases.users.start()
    await stack.services.users.start()
  }
  await recovered()
}, 120_000)

test('a database restart interrupts the services for a moment only', async () => {
  await stack.databases.events.restart()
  await stack.databases.users.restart()
  await recovered()
  await owner.end().catch(() => undefined)
  owner = new Client({ connectionString: stack.databases.events.ownerUrl })
  owner.on('error', () => undefined)
  await owner.connect()
}, 120_000)

/**
 * Waits until so many statements of the events service wait for raw events; not until the gateway gives up.
 */
async function waiting(count: number): Promise<void> {
  const end = Date.now() + 7_000
  for (;;) {
    const { rows } = await owner.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND locktype = 'relation'`,
    )
    if (rows[0]?.n === count) return
    if (Date.now() > end) throw new Error(`${String(rows[0]?.n)} statements wait, not ${String(count)}`)
    await pause(20)
  }
}

const analysis = `{ eventSeries(filter: { storeId: STORE, fromDay: "2026-11-01" }, granularity: DAY) { totals { events } } }`
async function analyse() {
  const { port, hostname } = new URL(stack.urls.gateway)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const body = JSON.stringify({ query: analysis.replace('STORE', String(store.id)) })
  socket.write(
    `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer ${store.token}\r\ncontent-length: ${String(body.length)}\r\n\r\n${body}`,
  )
  socket.on('error', () => undefined)
  return socket
}

test('an analysis is cancelled in the database when its client disconnects from the gateway, and when the service is killed', async () => {
  await owner.query('BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE')
  try {
    const socket = await analyse()
    await waiting(1)
    socket.destroy()
    await waiting(0)
    const other = await analyse()
    await waiting(1)
    await stack.services.events.kill('SIGKILL')
    await waiting(0)
    other.destroy()
  } finally {
    await owner.query('ROLLBACK')
  }
  await recovered()
}, 120_000)
