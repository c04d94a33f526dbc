import { expect, test } from '@jest/globals'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { DomainError } from '@user-stats/core'
import { createErrorReporter } from '../src/error-reporter.ts'
import { createTestApp, createTestLog } from '../src/testing.ts'

async function startApp() {
  const it = await createTestApp({ logRequests: true })
  it.app.get('/bug', (request) => {
    request.caller = { role: 'STORE', keyId: 'k-1', storeId: 7 }
    throw new Error('jane.doe@example.com')
  })
  it.app.get('/taken/:email', () => {
    throw new DomainError('EMAIL_TAKEN', { field: 'email' })
  })
  it.app.post('/echo', (request) => request.body)
  const { promise: received, resolve: markReceived } = Promise.withResolvers<undefined>()
  it.app.get('/never', () => {
    markReceived(undefined)
    return new Promise(() => undefined)
  })
  const origin = await it.listen()
  return { ...it, received, origin, port: Number(new URL(origin).port) }
}

type Counter = Awaited<ReturnType<typeof createTestApp>>['metrics']['errors' | 'requests']

/** The values of a counter or a histogram, by labels. */
async function countsOf(metric: Counter): Promise<Record<string, number>> {
  const { values } = await metric.get()
  return Object.fromEntries(
    values
      .filter(
        ({ labels, metricName = '' }: { labels: object; metricName?: string }) =>
          !('le' in labels) && !metricName.endsWith('_sum'),
      )
      .map(({ labels, value }) => [
        Object.values({ ...labels, service: undefined })
          .filter((label) => label !== undefined && label !== '')
          .join(' '),
        value,
      ]),
  )
}

const linesOf = (logged: string): Record<string, unknown>[] =>
  logged
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

async function sendRaw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(bytes)
  return await text(socket)
}

test('each error is counted once when its response is sent, whatever raised it', async () => {
  await using it = await startApp()
  const send = (path: string, init?: RequestInit) => fetch(it.origin + path, init)
  const json = { 'content-type': 'application/json' }
  await send('/taken/jane.doe@example.com')
  await send('/taken/john.doe@example.com')
  await send('/bug')
  await send('/nowhere')
  await send('/echo')
  await send('/echo', { method: 'POST', headers: json, body: '{' })
  await send('/echo', { method: 'POST', headers: json, body: `"${'x'.repeat(70_000)}"` })
  await send('/echo', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'x' })
  await send('/taken/%zz')
  await sendRaw(it.port, 'NONSENSE\r\n\r\n')
  expect(await countsOf(it.metrics.errors)).toEqual({
    'EMAIL_TAKEN /taken/:email': 2,
    'INTERNAL_SERVER_ERROR /bug': 1,
    'NOT_FOUND unknown': 1,
    'METHOD_NOT_ALLOWED unknown': 1,
    'BAD_REQUEST /echo': 1,
    'PAYLOAD_TOO_LARGE /echo': 1,
    'UNSUPPORTED_MEDIA_TYPE /echo': 1,
    'BAD_REQUEST unknown': 2,
  })
})

test('each request is measured once, also if it is refused, unreadable or aborted by its client', async () => {
  await using it = await startApp()
  await fetch(`${it.origin}/taken/a`)
  await fetch(`${it.origin}/nowhere`)
  await fetch(`${it.origin}/taken/%zz`)
  const leaving = connect(it.port, '127.0.0.1')
  leaving.write('GET /never HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await it.received
  leaving.destroy()
  while (!it.logged().includes('"status":499')) await turn()
  expect(await countsOf(it.metrics.requests)).toEqual({
    'GET /taken/:email 409': 1,
    'GET unknown 404': 1,
    'GET unknown 400': 1,
    'GET /never 499': 1,
  })
})

test('a server error is logged at once with its cause and the caller, and is not part of the summaries', async () => {
  await using it = await startApp()
  await fetch(`${it.origin}/bug`, { headers: { 'x-request-id': 'trace-1' } })
  it.app.errors.flush()
  const lines = linesOf(it.logged()).filter(
    ({ msg }) => msg === 'unexpected error' || msg === 'requests refused',
  )
  expect(lines).toEqual([
    expect.objectContaining({
      level: 'error',
      reqId: 'trace-1',
      code: 'INTERNAL_SERVER_ERROR',
      route: '/bug',
      err: expect.objectContaining({ type: 'Error', stack: expect.stringContaining('errors.test.ts') }),
    }),
  ])
  expect(it.logged()).not.toContain('jane')
})

test('errors of callers are summed up by key and code, those of anonymous callers together', () => {
  const { log, text: logged } = createTestLog()
  const counted: object[] = []
  const errors = { inc: (labels: object) => counted.push(labels) }
  const reporter = createErrorReporter({ log, metrics: { errors } as never })
  const refuse = (caller: object | undefined, code: string, error?: Error) => {
    reporter.report([{ code, error }], { route: '/api/event', caller: caller as never, log })
  }
  const store = { role: 'STORE', keyId: 'k-1', storeId: 7 }
  for (let n = 0; n < 3; n += 1) refuse(store, 'BAD_USER_INPUT')
  refuse(store, 'GRAPHQL_VALIDATION_FAILED')
  refuse({ role: 'ADMIN', keyId: 'k-2' }, 'NOT_FOUND')
  refuse({ role: 'ANONYMOUS' }, 'INVALID_API_KEY')
  refuse(undefined, 'TOKEN_INVALID')
  // A sign-in with a known but revoked key.
  refuse(
    { role: 'ANONYMOUS' },
    'INVALID_API_KEY',
    new DomainError('INVALID_API_KEY', { key: { keyId: 'k-3', storeId: 8 } }),
  )
  reporter.flush()
  const summary = () =>
    linesOf(logged())
      .filter(({ msg }) => msg === 'requests refused')
      .map(({ level, keyId, storeId, caller, refused }) => ({ level, keyId, storeId, caller, refused }))
  expect(summary()).toEqual([
    { level: 'info', keyId: 'k-1', storeId: 7, refused: { BAD_USER_INPUT: 3, GRAPHQL_VALIDATION_FAILED: 1 } },
    { level: 'info', keyId: 'k-2', refused: { NOT_FOUND: 1 } },
    { level: 'info', caller: 'anonymous', refused: { INVALID_API_KEY: 1, TOKEN_INVALID: 1 } },
    { level: 'info', keyId: 'k-3', storeId: 8, refused: { INVALID_API_KEY: 1 } },
  ])
  expect(counted).toHaveLength(8)
  // The summary is not repeated, also at the end.
  reporter.close()
  expect(summary()).toHaveLength(4)
})

test('a summary is bounded: callers beyond a thousand are summed up together', () => {
  const { log, text: logged } = createTestLog()
  const reporter = createErrorReporter({ log, metrics: { errors: { inc: () => undefined } } as never })
  for (let n = 0; n < 1_010; n += 1)
    reporter.report([{ code: 'NOT_FOUND' }], {
      route: '/',
      caller: { role: 'ADMIN', keyId: `k-${String(n)}` },
      log,
    })
  reporter.close()
  const lines = linesOf(logged())
  expect(lines).toHaveLength(1_001)
  expect(lines.at(-1)).toMatchObject({ caller: 'others', refused: { NOT_FOUND: 10 } })
})
