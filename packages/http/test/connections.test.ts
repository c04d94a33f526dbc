import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { expect, test } from '@jest/globals'
import { readTls } from '@user-stats/config'
import { createCertificate } from '@user-stats/testing/certificate'
import type { HttpAppOptions } from '../src/create-app.ts'
import { gatewayCredential, gatewayCredentialHeader } from '../src/gateway-credential.ts'
import { defaultLoadLimits } from '../src/overload.ts'
import { createTestApp } from '../src/testing.ts'

const gatewaySecret = 'a-secret-of-the-gateway'
const fromGateway = `${gatewayCredentialHeader}: ${gatewayCredential(gatewaySecret)}\r\n`
const signedIn = 'authorization: Bearer token\r\n'

/** A client's end of a connection. */
function createClient(socket: Socket) {
  let received = ''
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1'))).on('error', () => undefined)
  const closed = new Promise((resolve) => socket.once('close', resolve))
  return {
    socket,
    closed,
    /** Sends bytes, and returns the status of the next answer; 0 when the connection is closed instead. */
    async send(bytes: string): Promise<number> {
      received = ''
      socket.write(bytes, 'latin1')
      while (!received.includes('\r\n\r\n') && !socket.closed)
        await Promise.race([new Promise((resolve) => socket.once('data', resolve)), closed])
      return Number(received.split(' ')[1] ?? 0)
    },
    received: () => received,
  }
}
type Client = ReturnType<typeof createClient>

const get = (path = '/health/live', headers = '') =>
  `GET ${path} HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n`
const post = (path: string, headers = '') =>
  `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n${headers}\r\n`

/** An app that allows ten connections, and a client that opens them from any address. */
async function startApp(options: Partial<HttpAppOptions> = {}) {
  const it = await createTestApp({
    load: { ...defaultLoadLimits, connections: 10 },
    gatewaySecret,
    ...options,
  })
  const clients: Client[] = []
  it.app.addHook('onRequest', (request, _reply, done) => {
    if (request.headers.authorization !== undefined)
      request.caller = { role: 'STORE', keyId: 'key', storeId: 1 }
    done()
  })
  const echoed: unknown[] = []
  it.app.post('/echo', (request) => {
    echoed.push(request.body)
    return {}
  })
  const { promise: answered, resolve: answer } = Promise.withResolvers<undefined>()
  it.app.get('/slow', async () => {
    await answered
    return {}
  })
  it.app.post('/refused', {
    onRequest: async (_request, reply) => await reply.code(401).send({ status: 401 }),
    handler: () => ({}),
  })
  const port = Number(new URL(await it.listen()).port)

  /**
   * Opens a connection, and resolves once the app knows of it. A half-open one is not closed by its client.
   */
  async function open(localAddress = '127.0.0.1', allowHalfOpen = false): Promise<Client> {
    const known = once(it.app.server, options.tls === undefined ? 'connection' : 'secureConnection')
    const to = { port, host: '127.0.0.1', localAddress, allowHalfOpen }
    const client = createClient(
      options.tls === undefined ? connect(to) : connectTls({ ...to, rejectUnauthorized: false }),
    )
    clients.push(client)
    await known
    return client
  }

  return {
    ...it,
    echoed,
    open,
    openMany: async (count: number, localAddress?: string) => {
      const opened: Client[] = []
      for (let n = 0; n < count; n += 1) opened.push(await open(localAddress))
      return opened as [Client, Client, Client, ...Client[]]
    },
    answer: () => {
      answer(undefined)
    },
    refusals: async () =>
      Number(
        /load_refusals_total\{[^}]*reason="connections"[^}]*\} (\d+)/.exec(
          await it.metrics.registry.metrics(),
        )?.[1] ?? 0,
      ),
    [Symbol.asyncDispose]: async () => {
      for (const { socket } of clients) socket.destroy()
      await it[Symbol.asyncDispose]()
    },
  }
}

const isOpen = async (client: Client): Promise<boolean> => (await client.send(get())) === 200

test('at the limit, the connection that has been idle for longest is closed for a new one', async () => {
  await using it = await startApp()
  const first = await it.openMany(5, '127.0.0.2')
  const others = await it.openMany(5, '127.0.0.3')
  // Used again: the second is idle for longest.
  expect(await isOpen(first[0])).toBe(true)
  const fresh = await it.open('127.0.0.4')
  await first[1].closed
  for (const client of [fresh, first[0], first[2], ...others]) expect(await isOpen(client)).toBe(true)
  expect(await it.refusals()).toBe(0)
})

test('one address has half of the connections: beyond it, its own are closed', async () => {
  await using it = await startApp()
  const [other] = await it.openMany(1, '127.0.0.3')
  const many = await it.openMany(8, '127.0.0.2')
  await Promise.all(many.slice(0, 3).map(({ closed }) => closed))
  for (const client of [other, ...many.slice(3)]) expect(await isOpen(client)).toBe(true)
})

test.each([
  ['of signed-in callers', (client: Client) => client.send(get('/health/live', signedIn))],
  ['of the gateway', (client: Client) => client.send(get('/health/live', fromGateway))],
  [
    'of the gateway that carry a body',
    (client: Client) => client.send(`${post('/echo', `${fromGateway}content-length: 2\r\n`)}{}`),
  ],
  [
    'that wait for their answer',
    (client: Client) => {
      client.socket.write(get('/slow'))
      return Promise.resolve()
    },
  ],
])(
  'connections %s are never closed for others; without idle ones a new one is refused',
  async (_name, use) => {
    await using it = await startApp()
    let requests = 0
    it.app.server.on('request', () => (requests += 1))
    const clients: Client[] = []
    while (clients.length < 10) {
      const client = await it.open()
      clients.push(client)
      await use(client)
      while (requests < clients.length) await once(it.app.server, 'request')
    }
    const refused = await it.open()
    await refused.closed
    expect(await it.refusals()).toBe(1)
    it.answer()
    for (const { socket } of clients) expect(socket.destroyed).toBe(false)
  },
)

test('connections whose request is incomplete are closed for others; those of trusted proxies are not', async () => {
  await using it = await startApp({ trustProxy: ['127.0.0.9'] })
  const proxied = await it.openMany(7, '127.0.0.9')
  const [incomplete] = await it.openMany(1, '127.0.0.2')
  incomplete.socket.write(post('/echo', 'content-length: 9\r\n'))
  await once(it.app.server, 'request')
  const others = await it.openMany(2, '127.0.0.3')
  const fresh = await it.open('127.0.0.4')
  await incomplete.closed
  for (const client of [fresh, ...others, ...proxied]) expect(await isOpen(client)).toBe(true)
})

test('over TLS, idle connections are closed for others, and those of signed-in callers are not', async () => {
  const tls = readTls(
    (({ cert, key }) => ({ TLS_CERT: cert, TLS_KEY: key }))(createCertificate(['127.0.0.1'])),
  )
  await using it = await startApp({ tls })
  const [known, idle] = await it.openMany(2, '127.0.0.2')
  await known.send(get('/health/live', signedIn))
  const others = [...(await it.openMany(4, '127.0.0.3')), ...(await it.openMany(5, '127.0.0.4'))]
  await idle.closed
  for (const client of [known, ...others]) expect(await isOpen(client)).toBe(true)
})

test('a request that is answered before its body has arrived has its connection closed, whatever the client still sends', async () => {
  await using it = await startApp()
  for (const [path, status] of [
    ['/refused', 401],
    ['/nowhere', 404],
    ['/echo', 413],
  ] as const) {
    const client = await it.open()
    const length = status === 413 ? 100_000 : 50_000
    expect(await client.send(`${post(path, `content-length: ${String(length)}\r\n`)}{"a":`)).toBe(status)
    expect(client.received()).toMatch(/\r\nconnection: close\r\n/i)
    await client.closed
  }
  const endless = await it.open('127.0.0.1', true)
  expect(await endless.send(post('/refused', 'transfer-encoding: chunked\r\n'))).toBe(401)
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
  while (!endless.socket.closed) {
    endless.socket.write(chunk)
    await Promise.race([new Promise((resolve) => setImmediate(resolve)), endless.closed])
  }
})

test('a request that is answered when its body has arrived keeps its connection', async () => {
  await using it = await startApp()
  const client = await it.open()
  for (const [path, status] of [
    ['/refused', 401],
    ['/nowhere', 404],
    ['/echo', 200],
  ] as const)
    for (const framing of [
      'content-length: 2\r\n\r\n{}',
      'transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
    ]) {
      expect(await client.send(post(path).replace(/\r\n$/, framing))).toBe(status)
      expect(client.received()).not.toMatch(/connection: close/i)
    }
})

test('a request that follows one whose connection is being closed is not carried out', async () => {
  await using it = await startApp()
  const client = await it.open()
  expect(await client.send(post('/refused', 'content-length: 2\r\n'))).toBe(401)
  client.socket.write(`{}${post('/echo', 'content-length: 2\r\n')}{}`)
  await client.closed
  expect(it.echoed).toEqual([])
})

test('what is no HTTP is answered, and its connection closed though the client keeps it open', async () => {
  await using it = await startApp()
  const accepted = once(it.app.server, 'connection') as Promise<[Socket]>
  const client = await it.open('127.0.0.1', true)
  const [socket] = await accepted
  expect(await client.send('NONSENSE\r\n\r\n')).toBe(400)
  if (!socket.closed) await once(socket, 'close')
})
