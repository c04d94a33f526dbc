import { expect, test } from '@jest/globals'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createJwksSource } from '@user-stats/core'
import { createTestIssuer } from '@user-stats/testing/tokens'
import { createTestClock, refusalOf } from '../src/testing.ts'

const [first, second] = [createTestIssuer(), createTestIssuer()]

/** A users service that only serves its key set. */
async function startKeySet(initial: unknown) {
  let answer = { status: 200, body: JSON.stringify(initial) }
  let fetches = 0
  const server = createServer((_request, response) => {
    fetches += 1
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    server.closeAllConnections()
    await once(server.close(), 'close')
  }
  return {
    url: `http://127.0.0.1:${String(port)}/.well-known/jwks.json`,
    fetches: () => fetches,
    publish: (set: unknown) => {
      answer = { status: 200, body: JSON.stringify(set) }
    },
    fail: (status: number, text = '') => {
      answer = { status, body: text }
    },
    stop,
    restart: async () => {
      await once(server.listen(port, '127.0.0.1'), 'listening')
    },
    [Symbol.asyncDispose]: stop,
  }
}

async function setUp(initial: unknown = first.jwks) {
  const server = await startKeySet(initial)
  const { clock, advance } = createTestClock()
  const source = createJwksSource({ url: server.url, clock, maxAge: 300_000, cooldown: 2_000 })
  return { server, source, advance, [Symbol.asyncDispose]: server.stop }
}

/** Waits for a number of fetches: a background refresh has no other visible effect. */
async function untilFetched(server: { fetches: () => number }, times: number): Promise<void> {
  while (server.fetches() < times) await new Promise((resolve) => setImmediate(resolve))
}

test('keys are fetched when first needed, once for all concurrent requests', async () => {
  await using it = await setUp()
  expect(it.server.fetches()).toBe(0)
  const found = await Promise.all(Array.from({ length: 20 }, () => it.source.find(first.kid)))
  expect(found.every((key) => key?.equals(first.publicKey))).toBe(true)
  expect(it.server.fetches()).toBe(1)
})

test('invented key ids trigger at most one fetch per cooldown', async () => {
  await using it = await setUp()
  for (let n = 0; n < 50; n += 1) expect(await it.source.find(`invented-${String(n)}`)).toBeUndefined()
  expect(it.server.fetches()).toBe(1)
  it.advance(2_001)
  for (let n = 0; n < 50; n += 1) expect(await it.source.find(`invented-${String(n)}`)).toBeUndefined()
  expect(it.server.fetches()).toBe(2)
})

test('verification continues for as long as the users service is down', async () => {
  await using it = await setUp()
  await it.source.find(first.kid)
  await it.server.stop()
  it.advance(24 * 3_600_000)
  expect(await it.source.find(first.kid)).toBeDefined()
  it.advance(3_000)
  expect(await it.source.find(first.kid)).toBeDefined()
  // Whether another key exists cannot be determined now.
  it.advance(3_000)
  expect(await refusalOf(() => it.source.find(second.kid))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  expect(await it.source.find(first.kid)).toBeDefined()
})

test('a users service that is down at the start is 503, and its recovery is noticed', async () => {
  await using it = await setUp()
  await it.server.stop()
  expect(await refusalOf(() => it.source.find(first.kid))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  await it.server.restart()
  it.advance(2_001)
  expect(await it.source.find(first.kid)).toBeDefined()
})

test('a new key is found at once, and a removed one is dropped with the next refresh', async () => {
  await using it = await setUp()
  await it.source.find(first.kid)
  it.server.publish({ keys: [...first.jwks.keys, ...second.jwks.keys] })
  it.advance(2_001)
  expect((await it.source.find(second.kid))?.equals(second.publicKey)).toBe(true)

  it.server.publish(second.jwks)
  it.advance(300_001)
  // The first request after that time uses the cached keys; the refresh runs in the background.
  expect(await it.source.find(first.kid)).toBeDefined()
  await untilFetched(it.server, 3)
  while ((await it.source.find(first.kid)) !== undefined)
    await new Promise((resolve) => setImmediate(resolve))
  expect(await it.source.find(second.kid)).toBeDefined()
})

test.each([
  ['no JSON', 'oops'],
  ['no key set', '{}'],
  ['a private detail missing', '{"keys":[{"kid":"a","kty":"RSA","use":"sig"}]}'],
  ['a symmetric key', '{"keys":[{"kid":"a","kty":"oct","use":"sig","k":"AAAA"}]}'],
])('a response that is %s does not change the cached keys', async (_what, text) => {
  await using it = await setUp()
  await it.source.find(first.kid)
  it.server.fail(200, text)
  it.advance(2_001)
  expect(await refusalOf(() => it.source.find('a'))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
  expect(await it.source.find(first.kid)).toBeDefined()
})

test('an error response is not a key set', async () => {
  await using it = await setUp()
  it.server.fail(500, JSON.stringify(first.jwks))
  expect(await refusalOf(() => it.source.find(first.kid))).toMatchObject({ code: 'SERVICE_UNAVAILABLE' })
})
