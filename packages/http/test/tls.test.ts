import { once } from 'node:events'
import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { request as requestPlain } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions } from 'node:tls'
import { expect, test } from '@jest/globals'
import { Agent, request } from 'undici'
import { EnvError, type RawEnv } from '@user-stats/config'
import { readTls } from '@user-stats/config'
import { followRenewals } from '../src/tls.ts'
import { createCertificate } from '@user-stats/testing/certificate'
import { createTestApp } from '../src/testing.ts'

const pair = createCertificate(['127.0.0.1'])
const environmentOf = ({ cert, key }: typeof pair) => ({ TLS_CERT: cert, TLS_KEY: key })

/** An app that serves TLS on a free port. */
async function startApp(env: RawEnv = environmentOf(pair)) {
  const tls = readTls(env)
  if (tls === undefined) throw new Error('no certificate')
  const it = await createTestApp({ tls })
  const origin = await it.listen()
  const agent = new Agent({ connect: { ca: pair.cert } })
  return {
    ...it,
    tls,
    origin,
    port: Number(new URL(origin).port),
    get: (path: string, from = origin) => request(from + path, { dispatcher: agent }),
    [Symbol.asyncDispose]: async () => {
      await agent.close()
      await it[Symbol.asyncDispose]()
    },
  }
}

/** The result of a handshake: the protocol and the server's certificate, or the error's code. */
async function handshake(port: number, options: ConnectionOptions = {}) {
  const socket = connect({ host: '127.0.0.1', port, ca: pair.cert, ...options })
  try {
    await once(socket, 'secureConnect')
    return { protocol: socket.getProtocol(), serial: socket.getPeerCertificate().serialNumber }
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code }
  } finally {
    socket.destroy()
  }
}

test('with a certificate the port serves TLS 1.2 and 1.3 to clients that verify it', async () => {
  await using it = await startApp()
  expect(it.origin).toMatch(/^https:/)
  const answer = await it.get('/health/live')
  expect([answer.statusCode, await answer.body.json()]).toEqual([200, { status: 'ok' }])
  for (const protocol of ['TLSv1.2', 'TLSv1.3'] as const)
    expect(await handshake(it.port, { minVersion: protocol, maxVersion: protocol })).toMatchObject({
      protocol,
    })
  expect(await handshake(it.port, { ca: createCertificate(['127.0.0.1']).cert })).toEqual({
    code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  })
})

test.each(['TLSv1', 'TLSv1.1'] as const)('%s is refused', async (protocol) => {
  await using it = await startApp()
  // The client offers the old version explicitly: the server must refuse it.
  const old = { minVersion: protocol, maxVersion: protocol, ciphers: 'DEFAULT@SECLEVEL=0' }
  expect(await handshake(it.port, old)).toEqual({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' })
})

test('plain HTTP is refused on a TLS port, and its connection is closed', async () => {
  await using it = await startApp()
  const plain = requestPlain({ host: '127.0.0.1', port: it.port, path: '/health/live' })
  plain.end()
  const [error] = (await once(plain, 'error')) as [NodeJS.ErrnoException]
  expect(['ECONNRESET', 'EPIPE']).toContain(error.code)
  expect(await handshake(it.port)).toHaveProperty('protocol')
})

test('Strict-Transport-Security is sent over TLS only', async () => {
  await using secure = await startApp()
  await using plain = await createTestApp()
  const policyAt = async (origin: string, path: string) => {
    const { headers, body } = await secure.get(path, origin)
    await body.dump()
    return headers['strict-transport-security']
  }
  const plainOrigin = await plain.listen()
  for (const path of ['/health/live', '/nowhere']) {
    expect(await policyAt(secure.origin, path)).toBe('max-age=31536000; includeSubDomains')
    expect(await policyAt(plainOrigin, path)).toBeUndefined()
  }
})

test('a renewed certificate is used without a restart; one that does not match its key is not', async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), 'tls-'))
  const files = { TLS_CERT_FILE: join(directory.path, 'cert'), TLS_KEY_FILE: join(directory.path, 'key') }
  await writeFile(files.TLS_CERT_FILE, pair.cert)
  await writeFile(files.TLS_KEY_FILE, pair.key)
  await using it = await startApp(files)
  const logged: unknown[] = []
  let wake: (() => void) | undefined
  const note = (entry: unknown) => {
    logged.push(entry)
    wake?.()
  }
  const nextWord = () =>
    new Promise<void>((resolve) => {
      wake = resolve
    })
  const end = followRenewals(it.app.server as never, it.tls, { info: note, warn: note }, 5)
  const before = await handshake(it.port)

  const renewed = createCertificate(['127.0.0.1'])
  let word = nextWord()
  await writeFile(files.TLS_CERT_FILE, renewed.cert)
  await word
  expect(logged.at(-1)).toMatchObject({ fault: expect.stringMatching(/^TLS_/) })
  expect(await handshake(it.port)).toEqual(before)

  while (logged.at(-1) !== 'the renewed certificate is in use') {
    word = nextWord()
    await writeFile(files.TLS_KEY_FILE, renewed.key)
    await word
  }
  const after = await handshake(it.port, { ca: renewed.cert })
  expect(after).toHaveProperty('serial')
  expect(after).not.toEqual(before)
  expect(
    await handshake(it.port, {
      ca: renewed.cert,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    }),
  ).toHaveProperty('code')
  end()
})

test.each<[string, RawEnv, string]>([
  ['a certificate without its key', { TLS_CERT: pair.cert }, 'TLS_KEY: expected with TLS_CERT'],
  ['a key without its certificate', { TLS_KEY: pair.key }, 'TLS_CERT: expected with TLS_KEY'],
  [
    'an invalid certificate',
    { ...environmentOf(pair), TLS_CERT: 'secret' },
    'TLS_CERT: expected certificates in PEM, its own first',
  ],
  [
    'a truncated chain',
    { ...environmentOf(pair), TLS_CERT: pair.cert + pair.cert.slice(0, 200) },
    'TLS_CERT: expected certificates in PEM, its own first',
  ],
  [
    'an invalid key',
    { ...environmentOf(pair), TLS_KEY: 'secret' },
    'TLS_KEY: expected a private key in PEM, unencrypted',
  ],
  [
    'the key of another certificate',
    { ...environmentOf(pair), TLS_KEY: createCertificate(['127.0.0.1']).key },
    'TLS_KEY: is not the key of TLS_CERT',
  ],
  [
    'a missing file',
    { TLS_CERT_FILE: '/nowhere/cert', TLS_KEY: pair.key },
    'TLS_CERT_FILE: the file cannot be read (ENOENT)',
  ],
])('%s is refused at the start, naming the variable but not its value', (_what, env, fault) => {
  let error: unknown
  try {
    readTls(env)
  } catch (thrown) {
    error = thrown
  }
  expect(error).toBeInstanceOf(EnvError)
  expect((error as EnvError).faults).toEqual([fault])
})

test('without certificate and key the port serves plain HTTP; a chain and text around certificates are accepted', () => {
  expect(readTls({ TLS_CERT: '', TLS_KEY: '' })).toBeUndefined()
  const chain = `Bag Attributes\n${pair.cert}\n${createCertificate(['a.example']).cert}`
  expect(readTls({ ...environmentOf(pair), TLS_CERT: chain })).toMatchObject({ cert: chain })
})
