import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { DomainError } from '@user-stats/core'
import { networkOf } from '@user-stats/http'
import { createQuota } from '@user-stats/http'
import { createRateLimits, type RateLimitOptions } from '@user-stats/http'
import type { SharedCounts } from '@user-stats/http'
import { startGraphApp } from './graph-app.ts'
import { createTestClock, createTestLog, refusalOf, testLimits, testRates } from '@user-stats/http/testing'

const policy = { name: 'test', limit: 3, window: 60 }

test('so many are allowed in each window, of each key', () => {
  const { clock, advance } = createTestClock(Date.parse('2026-11-23T05:16:10Z'))
  const quota = createQuota({ policy, clock })
  expect([1, 2, 3, 4].map(() => quota.take('a').allowed)).toEqual([true, true, true, false])
  expect(quota.look('a')).toEqual({ allowed: false, count: 4, remaining: 0, reset: 50 })
  expect(quota.take('b')).toEqual({ allowed: true, count: 1, remaining: 2, reset: 50 })
  advance(49_999)
  expect(quota.take('a').allowed).toBe(false)
  advance(1)
  expect(quota.take('a')).toEqual({ allowed: true, count: 1, remaining: 2, reset: 60 })
})

test('so many keys are remembered and no more', () => {
  const quota = createQuota({ policy, clock: () => 0, maxKeys: 2 })
  for (const key of ['a', 'a', 'b', 'c']) quota.take(key)
  expect([quota.look('b').count, quota.look('c').count]).toEqual([1, 1])
  expect(quota.look('a').count).toBe(0)
})

test('replicas count together once they have exchanged, and alone while they cannot', async () => {
  const totals = new Map<string, number>()
  let away = false
  const shared: SharedCounts = {
    add: (counts) =>
      Promise.resolve(
        away
          ? undefined
          : counts.map(([key, delta]) => {
              const total = (totals.get(key) ?? 0) + delta
              totals.set(key, total)
              return total
            }),
      ),
    close: () => undefined,
  }
  const replica = () => createQuota({ policy, clock: () => 0, shared })
  const [one, two] = [replica(), replica()]
  one.take('a')
  one.take('a')
  expect(two.take('a').count).toBe(1)
  await one.sync()
  await two.refresh('a')
  expect(two.look('a').count).toBe(3)
  away = true
  expect(two.take('a').allowed).toBe(false)
  await two.sync()
  expect(two.look('a').count).toBe(4)
  away = false
  await two.refresh('a')
  await one.refresh('a')
  expect([one.look('a').count, two.look('a').count]).toEqual([4, 4])
})

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['2001:0db8::0001:0:0:0:9', '2001:db8:0:1::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('%s is counted as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})

const { signal: never } = new AbortController()

function limits(options: Partial<RateLimitOptions> = {}) {
  const clock = createTestClock()
  const rates = createRateLimits({ ...testRates, log: createTestLog().log, clock: clock.clock, ...options })
  const tryKey = <T>(
    address: string,
    apiKey: string,
    attempt: () => Promise<T>,
    signal = never,
  ): Promise<T> => rates.tryKey({ address, signal }, apiKey, attempt)
  return { ...rates, ...clock, tryKey }
}
const wrong = () => Promise.reject(new DomainError('INVALID_API_KEY'))
const right = () => Promise.resolve('token')

test('an address that sends wrong keys is refused before its next key is looked at, until the minute is over', async () => {
  const { tryKey, advance } = limits({ failures: 3 })
  const codes = []
  for (let n = 0; n < 5; n += 1)
    codes.push((await refusalOf(() => tryKey('192.0.2.7', `us_s_key-${String(n)}-x`, wrong))).code)
  expect(codes).toEqual([
    ...Array<string>(3).fill('INVALID_API_KEY'),
    ...Array<string>(2).fill('TOO_MANY_REQUESTS'),
  ])
  let looked = false
  const attempt = () => {
    looked = true
    return right()
  }
  expect(await refusalOf(() => tryKey('192.0.2.7', 'us_s_right', attempt))).toMatchObject({
    code: 'TOO_MANY_REQUESTS',
    message: expect.stringContaining('3 a minute are allowed'),
  })
  expect(looked).toBe(false)
  expect(await tryKey('192.0.2.8', 'us_s_right', right)).toBe('token')
  advance(60_000)
  expect(await tryKey('192.0.2.7', 'us_s_right', right)).toBe('token')
})

test('of many wrong keys sent at once no more are looked at than one after the other', async () => {
  const { tryKey } = limits({ failures: 3 })
  let looked = 0
  const attempt = async () => {
    looked += 1
    await setImmediate()
    return await wrong()
  }
  const codes = await Promise.all(
    Array.from({ length: 50 }, async (_, n) => {
      const { code } = await refusalOf(() => tryKey('192.0.2.7', `us_s_key-${String(n)}-x`, attempt))
      return code
    }),
  )
  expect(looked).toBe(3)
  expect(codes.filter((code) => code === 'INVALID_API_KEY')).toHaveLength(3)
  expect(codes.filter((code) => code === 'TOO_MANY_REQUESTS')).toHaveLength(47)
})

test('of many right keys sent at once none is refused, also when few more may be wrong', async () => {
  const { tryKey } = limits({ failures: 3 })
  for (let n = 0; n < 2; n += 1) await refusalOf(() => tryKey('192.0.2.7', `us_s_key-${String(n)}-x`, wrong))
  let busy = 0
  let most = 0
  const attempt = async () => {
    most = Math.max(most, (busy += 1))
    await setImmediate()
    busy -= 1
    return await right()
  }
  const answers = await Promise.all(
    Array.from({ length: 200 }, () => tryKey('192.0.2.7', 'us_s_right', attempt)),
  )
  expect([answers.length, new Set(answers)]).toEqual([200, new Set(['token'])])
  expect(most).toBe(1)
  // Who waits no longer leaves the line, and takes nobody's turn.
  const first = Promise.withResolvers<string>()
  const leaving = new AbortController()
  const [held, left, next] = [
    tryKey('192.0.2.7', 'us_s_right', () => first.promise),
    refusalOf(() => tryKey('192.0.2.7', 'us_s_right', attempt, leaving.signal)),
    tryKey('192.0.2.7', 'us_s_right', attempt),
  ]
  await setImmediate()
  leaving.abort()
  expect((await left).code).toBe('SERVICE_UNAVAILABLE')
  first.resolve('token')
  expect([await held, await next]).toEqual(['token', 'token'])
})

test('wrong keys that begin alike are counted from everywhere; the right one is not held up', async () => {
  const { tryKey } = limits({ failures: 3 })
  const guess = async (n: number) =>
    (await refusalOf(() => tryKey(`192.0.2.${String(n)}`, `us_s_abcdef${String(n)}`, wrong))).code
  expect([await guess(1), await guess(2), await guess(3)]).toEqual(Array<string>(3).fill('INVALID_API_KEY'))
  expect(await guess(4)).toBe('TOO_MANY_REQUESTS')
  expect(await tryKey('192.0.2.9', 'us_s_abcdef-right', right)).toBe('token')
})

test('successes and other failures are not counted', async () => {
  const { tryKey } = limits({ failures: 1 })
  const blocked = () => Promise.reject(new DomainError('STORE_BLOCKED'))
  for (let n = 0; n < 5; n += 1) {
    expect(await tryKey('192.0.2.7', 'us_s_right', right)).toBe('token')
    expect((await refusalOf(() => tryKey('192.0.2.7', 'us_s_right', blocked))).code).toBe('STORE_BLOCKED')
  }
})

const ask = (app: Awaited<ReturnType<typeof startGraphApp>>, token: string | null, headers: object = {}) =>
  fetch(`${app.origin}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: '{"query":"{ me }"}',
  })

test('each answer says how its caller stands, and what is too much is 429 with Retry-After', async () => {
  await using app = await startGraphApp([], testLimits, { caller: 3, stranger: 2 })
  for (const remaining of [2, 1, 0]) {
    const answer = await ask(app, app.token)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('ratelimit-policy')).toBe('"caller";q=3;w=60')
    expect(answer.headers.get('ratelimit')).toMatch(new RegExp(`^"caller";r=${String(remaining)};t=\\d+$`))
  }
  const refused = await ask(app, app.token)
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await refused.json()).toMatchObject({
    errors: [{ extensions: { code: 'TOO_MANY_REQUESTS', limit: 'caller', requested: 4, maximum: 3 } }],
  })
  // Others are not held up.
  const other = app.issuer.tokenFor({ role: 'STORE', keyId: 'other', storeId: 2 })
  expect((await ask(app, other)).status).toBe(200)
  expect([
    (await ask(app, null)).status,
    (await ask(app, null)).status,
    (await ask(app, null)).status,
  ]).toEqual([200, 200, 429])
})

test('bad tokens are counted by address; good ones from the same address go on working', async () => {
  await using app = await startGraphApp([], testLimits, { failures: 2 })
  const statuses = []
  for (let n = 0; n < 4; n += 1) statuses.push((await ask(app, 'nonsense')).status)
  expect(statuses).toEqual([401, 401, 429, 429])
  expect((await ask(app, app.token)).status).toBe(200)
})

test('X-Forwarded-For is believed of configured proxies only', async () => {
  await using app = await startGraphApp([], testLimits, { stranger: 1 })
  const status = async (from: string, to = app) => (await ask(to, null, { 'x-forwarded-for': from })).status
  expect([await status('192.0.2.1'), await status('192.0.2.2')]).toEqual([200, 429])
  await using behind = await startGraphApp([], testLimits, { stranger: 1 }, ['loopback'])
  expect([await status('192.0.2.1', behind), await status('192.0.2.2', behind)]).toEqual([200, 200])
  expect(await status('192.0.2.2', behind)).toBe(429)
  // What a client says before its proxy says who it is counts for nothing.
  expect(await status('192.0.2.99, 192.0.2.2', behind)).toBe(429)
})
