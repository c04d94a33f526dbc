import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { authenticate, call } from '../support/legacy-client.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'
import { createSteadyClient, type Fate, type SteadyRequest } from '../support/steady-client.ts'

const clients = 16
const delay = 300
let stack: TestStack
let token: string
beforeAll(async () => {
  stack = await startTestStack({ env: { SHUTDOWN_DELAY_MS: String(delay) } })
  const admin = await authenticate(stack.urls.gateway, stack.adminApiKey)
  const { body } = await call(stack.urls.gateway, 'POST', '/api/store', {
    token: admin,
    body: { name: 'Steady' },
  })
  token = await authenticate(stack.urls.gateway, body.api_key)
  await call(stack.urls.gateway, 'POST', '/api/user', { token, body: jane })
}, 120_000)
afterAll(async () => {
  await stack.stop()
}, 60_000)

const jane = { email: 'jane@example.org', username: 'jane', first_name: 'Jane', last_name: 'Doe', phone: 1 }
const eventOf = (type: string): SteadyRequest => ({
  method: 'POST',
  path: '/api/event',
  body: { type, user_id: 'u', data: {} },
})
const amountOf = async (type: string): Promise<number> => {
  const { body } = await call(stack.urls.gateway, 'GET', `/api/event/amount/${type}`, { token })
  return (body as { event_amount: number }[]).reduce((sum, { event_amount: n }) => sum + n, 0)
}

interface Load {
  readonly fates: readonly Fate[]
  /** Resolves once each client has been refused a connection. */
  readonly over: Promise<unknown>
}

/** Clients that send requests one after the other until their connections are refused. */
function startLoad(origin: string, requests: readonly SteadyRequest[]): Load {
  const fates: Fate[] = []
  const over = Array.from({ length: clients }, async (_, at) => {
    const client = createSteadyClient(origin)
    for (let n = at; ; n += 1) {
      const request = requests[n % requests.length]
      if (request === undefined) break
      const fate = await client.send({ token, ...request })
      fates.push(fate)
      if (fate.kind === 'refused') break
    }
    client.close()
  })
  return { fates, over: Promise.all(over) }
}

async function stopUnder({ fates, over }: Load, stop: () => Promise<void>): Promise<Map<string, number>> {
  while (fates.length < clients * 20) await pause(5)
  await stop()
  await over
  const counts = new Map<string, number>()
  for (const fate of fates) {
    const name =
      fate.kind === 'answered' ? String(fate.status) : fate.kind === 'lost' ? fate.reason : fate.kind
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

test.each([
  ['gateway', [eventOf('gateway-0')]],
  ['events', [eventOf('events-0')]],
  ['users', [{ method: 'GET', path: '/api/user/jane@example.org' }]],
] as const)(
  'stopped under load, %s answers every request sent on an accepted connection',
  async (name, requests) => {
    const load = startLoad(stack.urls[name], requests)
    const counts = await stopUnder(load, () => stack.services[name].stop('SIGTERM'))
    await stack.services[name].start()
    const good = name === 'users' ? '200' : '201'
    expect([...counts.keys()].sort()).toEqual([good, 'refused'])
    expect(counts.get('refused')).toBe(clients)
    // Acknowledged events are stored, and no others.
    if (name !== 'users') expect(await amountOf(`${name}-0`)).toBe(counts.get(good))
  },
  60_000,
)

test('readiness reports 503 first, while all else is answered', async () => {
  const origin = stack.urls.events
  const watcher = createSteadyClient(origin)
  const sender = createSteadyClient(origin)
  const ready = () => watcher.send({ method: 'GET', path: '/health/ready' })
  expect(await ready()).toMatchObject({ status: 200 })
  const stopped = stack.services.events.stop('SIGTERM')
  let seen = await ready()
  for (const end = Date.now() + 20_000; seen.kind === 'answered' && seen.status === 200 && Date.now() < end;)
    seen = await ready()
  expect(seen).toMatchObject({ kind: 'answered', status: 503 })
  expect(await sender.send({ token, ...eventOf('not-ready') })).toMatchObject({ status: 201 })
  await stopped
  await stack.services.events.start()
  watcher.close()
  sender.close()
  expect(await amountOf('not-ready')).toBe(1)
}, 60_000)

test('a subgraph stopped under load of the gateway causes 503 with Retry-After, without broken connections', async () => {
  const fates: Fate[] = []
  let stopped = false
  const load = Array.from({ length: clients }, async (_, at) => {
    const client = createSteadyClient(stack.urls.gateway)
    for (let n = 0; !stopped; n += 1) {
      const headers = { 'idempotency-key': `${String(at)}-${String(n)}` }
      fates.push(await client.send({ token, headers, ...eventOf('behind') }))
    }
    client.close()
  })
  const answered = (status: number) =>
    fates.filter((fate) => fate.kind === 'answered' && fate.status === status)
  const enough = async (status: number) => {
    for (const from = answered(status).length; answered(status).length < from + clients;) await pause(5)
  }
  await enough(201)
  await stack.services.events.stop('SIGTERM')
  await enough(503)
  await stack.services.events.start()
  await enough(201)
  stopped = true
  await Promise.all(load)
  expect(fates.filter(({ kind }) => kind !== 'answered')).toEqual([])
  for (const fate of answered(503)) expect(fate).toMatchObject({ headers: { 'retry-after': '1' } })
  expect(answered(201).length + answered(503).length).toBe(fates.length)
  expect(await amountOf('behind')).toBeGreaterThanOrEqual(answered(201).length)
}, 60_000)

test('the whole stack stopped under load answers every request sent on an accepted connection', async () => {
  const counts = await stopUnder(startLoad(stack.urls.gateway, [eventOf('all')]), () => stack.stop())
  expect([...counts.keys()].sort()).toEqual(['201', 'refused'])
  expect(counts.get('refused')).toBe(clients)
}, 60_000)
