import { expect, test } from '@jest/globals'
import { DomainError } from '@user-stats/core'
import { networkOf } from '@user-stats/http'
import { createQuota } from '@user-stats/http'
import { createRateLimits, type RateLimitOptions } from '@user-stats/http'
import type { SharedCounts } from '@user-stats/http'
import { startGraphApp } from './graph-app.ts'
import { createTestClock, createTestLog, refusalOf, testLimits, testRates } from '@user-stats/http/testing'

const policy = { name: 'test', limit: 3, window: 60 }

test('each key has its limit per window', () => {
  const { clock, advance } = createTestClock(Date.parse('2026-11-23T05:16:10Z'))
  const quota = createQuota({ policy, clock })
  expect([1, 2, 3, 4].map(() => quota.consume('a').allowed)).toEqual([true, true, true, false])
  expect(quota.get('a')).toEqual({ allowed: false, count: 4, remaining: 0, reset: 50 })
  expect(quota.consume('b')).toEqual({ allowed: true, count: 1, remaining: 2, reset: 50 })
  advance(49_999)
  expect(quota.consume('a').allowed).toBe(false)
  advance(1)
  expect(quota.consume('a')).toEqual({ allowed: true, count: 1, remaining: 2, reset: 60 })
})

test('the number of counted keys is bounded', () => {
  const quota = createQuota({ policy, clock: () => 0, maxKeys: 2 })
  for (const key of ['a', 'a', 'b', 'c']) quota.consume(key)
  expect([quota.get('b').count, quota.get('c').count]).toEqual([1, 1])
  expect(quota.get('a').count).toBe(0)
})

test('replicas count together after an exchange, and alone while it fails', async () => {
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
  one.consume('a')
  one.consume('a')
  expect(two.consume('a').count).toBe(1)
  await one.sync()
  await two.refresh('a')
  expect(two.get('a').count).toBe(3)
  away = true
  expect(two.consume('a').allowed).toBe(false)
  await two.sync()
  expect(two.get('a').count).toBe(4)
  away = false
  await two.refresh('a')
  await one.refresh('a')
  expect([one.get('a').count, two.get('a').count]).toEqual([4, 4])
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

function limits(options: Partial<RateLimitOptions> = {}) {
  const clock = createTestClock()
  const rates = createRateLimits({ ...testRates, log: createTestLog().log, clock: clock.clock, ...options })
  const codeOf = async (address: string, attempt: () => Promise<unknown>) =>
    (await refusalOf(() => rates.tryKey(address, attempt))).code
  return { ...rates, ...clock, codeOf }
}
const wrong = () => Promise.reject(new DomainError('INVALID_API_KEY'))
const right = () => Promise.resolve('token')

test('wrong API keys from an address are limited; the correct one always works', async () => {
  const { tryKey, codeOf, advance } = limits({ failures: 3 })
  const codes = []
  for (let n = 0; n < 5; n += 1) {
    codes.push(await codeOf('192.0.2.7', wrong))
    expect(await tryKey('192.0.2.7', right)).toBe('token')
  }
  expect(codes).toEqual([
    ...Array<string>(3).fill('INVALID_API_KEY'),
    ...Array<string>(2).fill('TOO_MANY_REQUESTS'),
  ])
  expect(await refusalOf(() => tryKey('192.0.2.7', wrong))).toMatchObject({
    code: 'TOO_MANY_REQUESTS',
    message: expect.stringContaining('3 a minute are allowed'),
  })
  expect(await codeOf('192.0.2.8', wrong)).toBe('INVALID_API_KEY')
  advance(60_000)
  expect(await codeOf('192.0.2.7', wrong)).toBe('INVALID_API_KEY')
})

test('of many API keys sent at once each correct one works', async () => {
  const { tryKey, codeOf } = limits({ failures: 3 })
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      n % 2 === 0 ? tryKey('192.0.2.7', right) : codeOf('192.0.2.7', wrong),
    ),
  )
  expect(outcomes.filter((outcome) => outcome === 'token')).toHaveLength(50)
  expect(outcomes.filter((outcome) => outcome === 'TOO_MANY_REQUESTS').length).toBeGreaterThanOrEqual(47)
})

test('successes and other failures are not counted', async () => {
  const { codeOf, tryKey } = limits({ failures: 1 })
  const blocked = () => Promise.reject(new DomainError('STORE_BLOCKED'))
  for (let n = 0; n < 5; n += 1) {
    expect(await tryKey('192.0.2.7', right)).toBe('token')
    expect(await codeOf('192.0.2.7', blocked)).toBe('STORE_BLOCKED')
  }
  expect(await codeOf('192.0.2.7', wrong)).toBe('INVALID_API_KEY')
})

const request = (
  app: Awaited<ReturnType<typeof startGraphApp>>,
  token: string | null,
  headers: object = {},
) =>
  fetch(`${app.origin}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: '{"query":"{ me }"}',
  })

test('each response has the usage of its caller, and requests above the limit are 429 with Retry-After', async () => {
  await using app = await startGraphApp([], testLimits, { caller: 3, anonymous: 2 })
  for (const remaining of [2, 1, 0]) {
    const answer = await request(app, app.token)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('ratelimit-policy')).toBe('"caller";q=3;w=60')
    expect(answer.headers.get('ratelimit')).toMatch(new RegExp(`^"caller";r=${String(remaining)};t=\\d+$`))
  }
  const refused = await request(app, app.token)
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await refused.json()).toMatchObject({
    errors: [{ extensions: { code: 'TOO_MANY_REQUESTS', limit: 'caller', requested: 4, maximum: 3 } }],
  })
  // Others are not limited.
  const other = app.issuer.tokenFor({ role: 'STORE', keyId: 'other', storeId: 2 })
  expect((await request(app, other)).status).toBe(200)
  expect([
    (await request(app, null)).status,
    (await request(app, null)).status,
    (await request(app, null)).status,
  ]).toEqual([200, 200, 429])
})

test('bad tokens are counted by address; valid ones from the same address keep working', async () => {
  await using app = await startGraphApp([], testLimits, { failures: 2 })
  const statuses = []
  for (let n = 0; n < 4; n += 1) statuses.push((await request(app, 'nonsense')).status)
  expect(statuses).toEqual([401, 401, 429, 429])
  expect((await request(app, app.token)).status).toBe(200)
})

test('X-Forwarded-For is trusted from configured proxies only', async () => {
  await using app = await startGraphApp([], testLimits, { anonymous: 1 })
  const status = async (from: string, to = app) =>
    (await request(to, null, { 'x-forwarded-for': from })).status
  expect([await status('192.0.2.1'), await status('192.0.2.2')]).toEqual([200, 429])
  await using behind = await startGraphApp([], testLimits, { anonymous: 1 }, ['loopback'])
  expect([await status('192.0.2.1', behind), await status('192.0.2.2', behind)]).toEqual([200, 200])
  expect(await status('192.0.2.2', behind)).toBe(429)
  // Entries before the first trusted proxy are ignored.
  expect(await status('192.0.2.99, 192.0.2.2', behind)).toBe(429)
})
