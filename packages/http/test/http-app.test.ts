import { expect, test } from '@jest/globals'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { DomainError } from '@user-stats/core'
import { FormBody } from '../src/body/body-parsers.ts'
import type { HttpAppOptions } from '../src/create-app.ts'
import { serveMetrics } from '../src/metrics-server.ts'
import { createTestApp } from '../src/testing.ts'

const address = 'jane.doe@example.com'

/** An app with a few routes: one echoes, one fails, one refuses. */
async function startApp(options: Partial<HttpAppOptions> = {}) {
  const it = await createTestApp({ logRequests: true, ...options })
  it.app.post('/echo', (request, reply) =>
    reply.send({ body: request.body instanceof FormBody ? { form: request.body.fields } : request.body }),
  )
  it.app.delete('/echo', (request) => ({ body: request.body ?? null }))
  it.app.get('/users/:email', (request) => request.params)
  it.app.get('/bug/:email', (request) => {
    throw Object.assign(new Error(`duplicate key (email)=(${address})`), { params: request.params })
  })
  it.app.get('/taken', () => {
    throw new DomainError('EMAIL_TAKEN', { field: 'email' })
  })
  it.app.get('/away', () => {
    throw Object.assign(new Error(`cannot reach postgresql://role:hunter2@db/users`), {
      code: 'ECONNREFUSED',
    })
  })
  const origin = await it.listen()
  return { ...it, origin, send: (path: string, init?: RequestInit) => fetch(origin + path, init) }
}

const post = (body: string | Uint8Array<ArrayBuffer>, type = 'application/json'): RequestInit => ({
  method: 'POST',
  body,
  headers: { 'content-type': type },
})

/** Sends raw bytes to a port, and returns the response. */
async function sendRaw(origin: string, request: string): Promise<string> {
  const socket = connect(Number(new URL(origin).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.write(request, 'latin1')
  return await text(socket)
}

/** A raw response. */
function responseOf(raw: string): Response {
  const [head = '', body = ''] = raw.split('\r\n\r\n')
  const [line = '', ...headers] = head.split('\r\n')
  return new Response(body, {
    status: Number(line.split(' ')[1]),
    headers: headers.map((header): [string, string] => {
      const colon = header.indexOf(':')
      return [header.slice(0, colon), header.slice(colon + 1).trim()]
    }),
  })
}

async function expectProblem(response: Response, status: number, code: string): Promise<void> {
  expect(response.status).toBe(status)
  expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
  const problem = (await response.json()) as Record<string, unknown>
  expect(problem).toMatchObject({ type: 'about:blank', status, code, message: problem['detail'] })
  expect(JSON.stringify(problem)).not.toMatch(/\bat \/|node_modules|hunter2|jane\.doe/)
}

test('JSON and forms are parsed; other and missing content types are 415', async () => {
  await using it = await startApp()
  const echo = async (init: RequestInit) => (await it.send('/echo', init)).json()
  expect(await echo(post('{"a":1}'))).toEqual({ body: { a: 1 } })
  expect(await echo(post('{"a":1}', 'application/json; charset=utf-8'))).toEqual({ body: { a: 1 } })
  expect(await echo(post('{"a":1}', 'application/vnd.api+json'))).toEqual({ body: { a: 1 } })
  expect(await echo(post('a=1&b=%C3%A9+c&a=2&d', 'application/x-www-form-urlencoded'))).toEqual({
    body: { form: { a: '2', b: 'é c', d: '' } },
  })
  for (const type of [
    'text/plain',
    'application/xml',
    'multipart/form-data; boundary=x',
    'application/jsonp',
  ])
    await expectProblem(await it.send('/echo', post('{}', type)), 415, 'UNSUPPORTED_MEDIA_TYPE')
  await expectProblem(
    await it.send('/echo', { method: 'POST', body: new Uint8Array([123, 125]) }),
    415,
    'UNSUPPORTED_MEDIA_TYPE',
  )
})

test('malformed bodies are 400, inexact or deeply nested ones 422, large ones 413', async () => {
  await using it = await startApp()
  await expectProblem(await it.send('/echo', post('{"a":')), 400, 'BAD_REQUEST')
  await expectProblem(await it.send('/echo', post('')), 400, 'BAD_REQUEST')
  await expectProblem(await it.send('/echo', post(Uint8Array.of(0x22, 0xff, 0x22))), 400, 'BAD_REQUEST')
  await expectProblem(
    await it.send('/echo', post(Uint8Array.of(0x61, 0x3d, 0xff), 'application/x-www-form-urlencoded')),
    400,
    'BAD_REQUEST',
  )
  await expectProblem(await it.send('/echo', post('{"a":1e400}')), 422, 'BAD_USER_INPUT')
  await expectProblem(await it.send('/echo', post('['.repeat(1_000))), 422, 'BAD_USER_INPUT')
  await expectProblem(await it.send('/echo', post(`"${'a'.repeat(70_000)}"`)), 413, 'PAYLOAD_TOO_LARGE')
})

test('a DELETE may have a JSON content type and an empty body', async () => {
  await using it = await startApp()
  const response = await it.send('/echo', {
    method: 'DELETE',
    headers: { 'content-type': 'application/json' },
  })
  expect(await response.json()).toEqual({ body: null })
})

test('an unknown path is 404, a known path with another method 405, with or without a trailing slash', async () => {
  await using it = await startApp()
  await expectProblem(await it.send('/nowhere'), 404, 'NOT_FOUND')
  await expectProblem(await it.send('/'), 404, 'NOT_FOUND')
  for (const path of ['/taken', '/taken/', '/taken?x=1']) {
    const response = await it.send(path, { method: 'DELETE' })
    expect(response.headers.get('allow')).toBe('GET')
    await expectProblem(response, 405, 'METHOD_NOT_ALLOWED')
  }
  await expectProblem(await it.send('/echo'), 405, 'METHOD_NOT_ALLOWED')
  expect((await it.send(`/users/${address}/`)).status).toBe(200)
})

test('domain errors keep their code and field; all other errors are masked', async () => {
  await using it = await startApp()
  const taken = await it.send('/taken')
  expect(await taken.clone().json()).toMatchObject({ field: 'email', title: 'Conflict' })
  await expectProblem(taken, 409, 'EMAIL_TAKEN')
  await expectProblem(await it.send(`/bug/${address}`), 500, 'INTERNAL_SERVER_ERROR')
  const away = await it.send('/away')
  expect(away.headers.get('retry-after')).toBe('1')
  await expectProblem(away, 503, 'DATABASE_UNAVAILABLE')
})

test('every response has a request id: the one sent, if it is acceptable', async () => {
  await using it = await startApp()
  const idFor = async (given?: string, path = '/taken') =>
    (await it.send(path, given === undefined ? {} : { headers: { 'x-request-id': given } })).headers.get(
      'x-request-id',
    )
  expect(await idFor('trace-1:a.b_c')).toBe('trace-1:a.b_c')
  expect(await idFor('trace-2', '/nowhere')).toBe('trace-2')
  const own = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/
  for (const given of [undefined, 'a'.repeat(65), 'a b', '{"level":"fatal"}', 'é'])
    expect(await idFor(given)).toMatch(own)
  expect(it.logged()).toContain('"reqId":"trace-1:a.b_c"')
})

test('every response has the security headers', async () => {
  await using it = await startApp()
  for (const path of ['/health/live', '/nowhere', '/taken']) {
    const { headers } = await it.send(path)
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'origin-agent-cluster': '?1',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-dns-prefetch-control': 'off',
      'x-download-options': 'noopen',
      'x-frame-options': 'SAMEORIGIN',
      'x-permitted-cross-domain-policies': 'none',
      'x-xss-protection': '0',
    })
    // Over plain HTTP.
    expect(headers.get('strict-transport-security')).toBeNull()
    expect(headers.get('access-control-allow-origin')).toBeNull()
  }
})

test('logs contain no URLs, e-mail addresses, tokens or error messages', async () => {
  await using it = await startApp()
  const headers = { authorization: 'Bearer eyJhbGciOiJSUzI1NiJ9.secret.part', cookie: 'session=abc' }
  await it.send(`/users/${address}?token=abc`, { headers })
  await it.send(`/users/${encodeURIComponent(address)}`, { headers })
  await it.send(`/nowhere/${address}`, { headers })
  await it.send(`/bug/${address}`, { headers })
  await it.send('/away', { headers })
  await it.send('/echo', post(`{"email":"${address}"`))
  it.log.error({ token: 'eyJ', nested: { apiKey: 'eyJ' }, err: new Error(address) }, 'on purpose')
  const logged = it.logged()
  expect(logged).toContain('"route":"/users/:email"')
  expect(logged).toContain('"route":"unknown"')
  expect(logged).toContain('unexpected error')
  expect(logged).not.toMatch(/jane|example\.com|eyJ|secret|session=|hunter2|duplicate key/)
})

test('health reports failed checks, and that there are none', async () => {
  let broken = false
  await using it = await startApp({
    readiness: {
      database: () => (broken ? Promise.reject(new Error('down: hunter2')) : Promise.resolve()),
      keys: () => Promise.resolve(),
    },
  })
  expect((await it.send('/health/live')).status).toBe(200)
  const ready = await it.send('/health/ready')
  expect(ready.status).toBe(200)
  expect(await ready.json()).toEqual({ status: 'ok', checks: { database: 'ok', keys: 'ok', load: 'ok' } })
  broken = true
  const missing = await it.send('/health/ready')
  expect(missing.status).toBe(503)
  expect(await missing.json()).toEqual({
    status: 'unavailable',
    checks: { database: 'unavailable', keys: 'ok', load: 'ok' },
  })
  expect((await it.send('/health/live')).status).toBe(200)
  await it.send('/health/ready')
  broken = false
  await it.send('/health/ready')
  await it.send('/health/ready')
  // Probes are frequent: only changes are logged.
  expect(it.logged().match(/"not ready"|"ready again"/g)).toEqual(['"not ready"', '"ready again"'])
})

test('metrics contain route patterns and error codes, never values', async () => {
  await using it = await startApp()
  await it.send(`/users/${address}`)
  await it.send(`/nowhere/${address}`)
  await it.send('/taken')
  const metrics = await it.metrics.registry.metrics()
  expect(metrics).toMatch(/http_request_duration_seconds_count\{.*route="\/users\/:email".*\} 1/)
  expect(metrics).toMatch(/errors_total\{.*code="EMAIL_TAKEN".*\} 1/)
  expect(metrics).toContain('process_cpu_seconds_total')
  expect(metrics).not.toMatch(/jane|nowhere/)
})

test('metrics are served on a port of their own with nothing else, and not on the public port', async () => {
  await using it = await startApp()
  await it.send('/taken')
  await expectProblem(await it.send('/metrics'), 404, 'NOT_FOUND')
  const server = await serveMetrics(it.metrics.registry, { host: '127.0.0.1', port: 0 })
  try {
    const origin = `http://127.0.0.1:${String(server.address.port)}`
    const response = await fetch(`${origin}/metrics`)
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4')
    expect(await response.text()).toMatch(/errors_total\{.*code="EMAIL_TAKEN".*\} 1/)
    for (const [method, path] of [
      ['GET', '/'],
      ['GET', '/taken'],
      ['GET', '/metrics/x'],
      ['POST', '/metrics'],
    ] as const)
      expect((await fetch(origin + path, { method })).status).toBe(404)
    await expect(
      serveMetrics(it.metrics.registry, { host: '127.0.0.1', port: server.address.port }),
    ).rejects.toThrow('set METRICS_PORT to another port')
  } finally {
    server.close()
  }
})

test('bad percent-encoding and long parameters are answered with a problem document', async () => {
  await using it = await startApp()
  for (const path of ['/users/%', '/users/%E0%A4%A', '/users/%zz', '/users/a%ff'])
    await expectProblem(await it.send(path), 400, 'BAD_REQUEST')
  const long = await it.send(`/users/${'a'.repeat(1_025)}`)
  expect([400, 404, 414]).toContain(long.status)
  expect((await it.send('/users/%00')).status).toBe(200)
})

test('unparsable requests and large headers are answered with a problem document, and close the connection', async () => {
  await using it = await startApp()
  const host = 'host: localhost\r\n'
  for (const garbage of [
    'NONSENSE\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    `GET /health/live HTTP/1.1\r\n${host}bad header\r\n\r\n`,
    `GET /health/live HTTP/1.1\r\n${host}content-length: 1\r\ncontent-length: 2\r\n\r\n`,
    `POST /echo HTTP/1.1\r\n${host}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n`,
  ])
    await expectProblem(responseOf(await sendRaw(it.origin, garbage)), 400, 'BAD_REQUEST')
  // Node refuses this one itself, with a shorter response.
  expect(await sendRaw(it.origin, 'GET /health/live HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  const huge = `GET /health/live HTTP/1.1\r\n${host}x-huge: ${'a'.repeat(20_000)}\r\n\r\n`
  const refused = responseOf(await sendRaw(it.origin, huge))
  expect(await refused.clone().text()).toContain('headers are too large')
  await expectProblem(refused, 400, 'BAD_REQUEST')
  expect((await it.send('/health/live')).status).toBe(200)
})

test('any Host header gets an ordinary response', async () => {
  await using it = await startApp()
  for (const host of ['', '%', '<script>', 'a:b:c', '[::1', 'evil.example/../..', '\u00e9', ' '])
    for (const [path, status] of [
      ['/health/live', 200],
      ['/nowhere', 404],
      ['/users/%', 400],
    ] as const) {
      const answer = await sendRaw(
        it.origin,
        `GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
      )
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${String(status)} `))
      expect(answer).not.toContain('script>')
    }
})

test('a body that does not arrive in time closes the connection', async () => {
  await using it = await startApp({ requestTimeout: 100 })
  const answer = await sendRaw(
    it.origin,
    'POST /echo HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"a"',
  ).catch((error: unknown) => (error as { code: string }).code)
  // Closed, with or without a response.
  expect(answer).toMatch(/^$|^HTTP\/1\.1 4\d\d |^ECONNRESET$/)
})

test('headers that are not complete in time close the connection', async () => {
  await using it = await startApp({ requestTimeout: 100 })
  const answer = await sendRaw(it.origin, 'GET /echo HTTP/1.1\r\nhost: localhost\r\nx-more: ').catch(
    (error: unknown) => (error as { code: string }).code,
  )
  expect(answer).toMatch(/^$|^HTTP\/1\.1 4\d\d |^ECONNRESET$/)
})

test('an app that closes during a request is closed soon after the response, although the client keeps its connection', async () => {
  const it = await createTestApp()
  const { promise: received, resolve: markReceived } = Promise.withResolvers<undefined>()
  const { promise: answer, resolve: goOn } = Promise.withResolvers<object>()
  it.app.get('/slow', async () => {
    markReceived(undefined)
    return await answer
  })
  const response = fetch(`${await it.listen()}/slow`)
  await received
  const closed = it.app.close()
  while (it.app.server.listening) await turn()
  goOn({ done: true })
  expect(await (await response).json()).toEqual({ done: true })
  await closed
}, 20_000)
