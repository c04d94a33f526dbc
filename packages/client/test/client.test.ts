import { readFileSync } from 'node:fs'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterEach, expect, jest, test } from '@jest/globals'
import Fastify, { type FastifyInstance } from 'fastify'
import { createClient, type ClientOptions, type QueuedEvent } from '../src/index.ts'

let app: FastifyInstance | undefined
afterEach(async () => {
  await app?.close()
  app = undefined
})

interface Behaviour {
  /** Answers a request for events, in place of 200. */
  readonly answer?: (
    count: number,
  ) => { status: number; headers?: Record<string, string>; errors?: object[] } | undefined
  readonly date?: () => Date
}

async function world({ answer = () => undefined, date = () => new Date() }: Behaviour = {}) {
  app = Fastify()
  const batches: QueuedEvent[][] = []
  let signIns = 0
  app.addContentTypeParser('application/x-ndjson', { parseAs: 'string' }, (_request, body, done) => {
    done(null, body)
  })
  app.addHook('onSend', async (_request, reply) => {
    await Promise.resolve()
    void reply.header('date', date().toUTCString())
  })
  app.post('/api/auth/', () => ({ access_token: `token-${String((signIns += 1))}`, token_type: 'Bearer' }))
  app.post('/api/events', (request, reply) => {
    const events = (request.body as string).split('\n').map((line) => JSON.parse(line) as QueuedEvent)
    batches.push(events)
    const { status, headers = {}, errors = [] } = answer(batches.length) ?? { status: 200 }
    return reply
      .code(status)
      .headers(headers)
      .send({ accepted: events.length - errors.length, errors })
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const lost: [string, QueuedEvent[]][] = []
  return {
    batches,
    lost,
    signIns: () => signIns,
    client: (options: Partial<ClientOptions> = {}) =>
      createClient({
        url,
        key: 'secret',
        onError: (error, events) => lost.push([error.message, [...events]]),
        ...options,
      }),
  }
}

const keysOf = (events: readonly QueuedEvent[] = []) => events.map(({ idempotency_key }) => idempotency_key)

test('the builds for browsers have 4 KB at most when compressed', () => {
  for (const name of ['index.js', 'client.js']) {
    const script = readFileSync(new URL(`../generated/${name}`, import.meta.url))
    for (const compressed of [gzipSync(script), brotliCompressSync(script)])
      expect(compressed.length).toBeLessThanOrEqual(4_096)
  }
})

test('events are sent in batches, in their order, each with a key of its own', async () => {
  const { client, batches } = await world()
  const stats = client({ batchSize: 2 })
  stats.track('view_item', { price: 5 })
  stats.identify('user-1')
  stats.track('purchase')
  stats.reset()
  stats.track('page_view', {}, { userId: 'user-2', idempotencyKey: 'own', occurredAt: new Date(0) })
  await stats.shutdown()
  stats.track('too late')
  const events = batches.flat()
  expect(batches.map(({ length }) => length)).toEqual([2, 1])
  expect(events.map(({ type, user_id, data }) => [type, user_id, data])).toEqual([
    ['view_item', expect.stringMatching(/^[\da-f]{32}$/), { price: 5 }],
    ['purchase', 'user-1', undefined],
    ['page_view', 'user-2', {}],
  ])
  expect(events[2]).toMatchObject({ idempotency_key: 'own', occurred_at: '1970-01-01T00:00:00.000Z' })
  expect(new Set(keysOf(events)).size).toBe(3)
})

test('a batch that was not acknowledged is sent again, under the same keys', async () => {
  const { client, batches, lost } = await world({
    answer: (count) => (count < 3 ? { status: [503, 429][count - 1] ?? 500 } : undefined),
  })
  const stats = client()
  stats.track('view')
  for (let n = 0; n < 3; n += 1) await stats.flush()
  await stats.shutdown()
  expect(batches).toHaveLength(3)
  for (const batch of batches) expect(keysOf(batch)).toEqual(keysOf(batches[0]))
  expect(lost).toEqual([])
})

test('the next attempt is not before the gateway wants it', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'], now: Date.now() })
  try {
    const { client, batches } = await world({
      answer: (count) => (count === 1 ? { status: 503, headers: { 'retry-after': '120' } } : undefined),
    })
    const stats = client()
    stats.track('view')
    await stats.flush()
    jest.advanceTimersByTime(119_000)
    expect(batches).toHaveLength(1)
    jest.advanceTimersByTime(1_500)
    await stats.flush()
    expect(batches).toHaveLength(2)
    await stats.shutdown()
  } finally {
    jest.useRealTimers()
  }
})

test('an event that is rejected is reported and not sent again; one that is known is neither', async () => {
  const { client, batches, lost } = await world({
    answer: (count) =>
      count === 1
        ? {
            status: 200,
            errors: [
              { line: 1, code: 'BAD_USER_INPUT', message: 'type: must have 1 to 128 characters' },
              { line: 2, code: 'IDEMPOTENCY_KEY_REUSED', message: 'known' },
              { line: 3, code: 'DATABASE_UNAVAILABLE', message: 'later' },
            ],
          }
        : undefined,
  })
  const stats = client()
  for (const type of ['', 'known', 'later', 'fine']) stats.track(type)
  await stats.flush()
  await stats.flush()
  await stats.shutdown()
  expect(batches.map((batch) => batch.map(({ type }) => type))).toEqual([
    ['', 'known', 'later', 'fine'],
    ['later'],
  ])
  expect(lost.map(([message, events]) => [message, events.map(({ type }) => type)])).toEqual([
    ['type: must have 1 to 128 characters', ['']],
  ])
})

test('a token that has ended is replaced', async () => {
  const { client, batches, signIns, lost } = await world({
    answer: (count) => (count === 2 ? { status: 401 } : undefined),
  })
  const stats = client()
  stats.track('view')
  await stats.flush()
  stats.track('view')
  await stats.shutdown()
  expect([signIns(), batches.length, lost]).toEqual([2, 3, []])
})

test('times are corrected by the clock of the gateway', async () => {
  const hour = 3_600_000
  const { client, batches } = await world({ date: () => new Date(Date.now() + hour) })
  const stats = client()
  stats.track('view')
  await stats.shutdown()
  const at = Date.parse(batches[0]?.[0]?.occurred_at ?? '')
  expect(Math.abs(at - Date.now() - hour)).toBeLessThan(60_000)
})

test('of too many events that wait the oldest are dropped and reported', async () => {
  const { client, batches, lost } = await world()
  const stats = client({ maxQueue: 2 })
  for (const type of ['a', 'b', 'c']) stats.track(type)
  await stats.shutdown()
  expect(batches.flat().map(({ type }) => type)).toEqual(['b', 'c'])
  expect(lost.flatMap(([, events]) => events.map(({ type }) => type))).toEqual(['a'])
})

test('whoever does not want to be tracked is not', async () => {
  const { client, batches } = await world()
  const stats = client({ doNotTrack: true })
  stats.track('view')
  await stats.shutdown()
  const other = client()
  other.track('view')
  other.optOut()
  other.track('view')
  await other.flush()
  other.optIn()
  other.track('wanted')
  await other.shutdown()
  expect(batches.flat().map(({ type }) => type)).toEqual(['wanted'])
})
