import { expect, test } from '@jest/globals'
import { createMetrics } from '../src/metrics.ts'
import { createPeerBreaker } from '../src/service-breaker.ts'
import { createBreaker, type BreakerState } from '@user-stats/core'
import { createTestClock, createTestLog } from '../src/testing.ts'

function start() {
  const { clock, advance } = createTestClock()
  const states: BreakerState[] = []
  const breaker = createBreaker({
    threshold: 3,
    pause: 1_000,
    clock,
    onChange: (state) => states.push(state),
  })
  const fail = (times: number): void => {
    for (let n = 0; n < times; n += 1) breaker.onFailure(breaker.tryAcquire())
  }
  return { breaker, advance, states, fail }
}

test('it opens after consecutive failures, and a success in between resets the count', () => {
  const { breaker, states, fail } = start()
  fail(2)
  breaker.onSuccess()
  fail(2)
  expect([breaker.state(), states]).toEqual(['closed', []])
  fail(1)
  expect([breaker.state(), states]).toEqual(['open', ['open']])
  expect(breaker.tryAcquire()).toBe(0)
})

test('while it is open one trial call per pause is allowed, until one succeeds', () => {
  const { breaker, states, advance, fail } = start()
  fail(3)
  advance(999)
  expect(breaker.tryAcquire()).toBe(0)
  advance(1)
  const trial = breaker.tryAcquire()
  expect([trial > 0, breaker.tryAcquire(), breaker.state()]).toEqual([true, 0, 'half-open'])
  breaker.onFailure(trial)
  expect([breaker.state(), breaker.tryAcquire()]).toEqual(['open', 0])
  advance(1_000)
  expect(breaker.tryAcquire()).toBeGreaterThan(0)
  breaker.onSuccess()
  expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'closed'])
  expect(breaker.tryAcquire()).toBeGreaterThan(0)
})

test('a trial call that is never answered does not prevent the next one', () => {
  const { breaker, advance, fail } = start()
  fail(3)
  for (let n = 0; n < 5; n += 1) {
    advance(1_000)
    expect([breaker.tryAcquire() > 0, breaker.tryAcquire()]).toEqual([true, 0])
  }
})

test('calls from before the peer recovered do not open it again when they fail', () => {
  const { breaker, advance, fail } = start()
  const old = Array.from({ length: 10 }, () => breaker.tryAcquire())
  fail(3)
  advance(1_000)
  breaker.tryAcquire()
  breaker.onSuccess()
  for (const permit of old) breaker.onFailure(permit)
  expect(breaker.state()).toBe('closed')
})

test('a peer that fails and recovers is logged once each time, and its state is in the metrics', async () => {
  const { log, text } = createTestLog()
  const metrics = createMetrics('test')
  const breaker = createPeerBreaker({ peer: 'users', log, metrics })
  const gauge = async () =>
    /^circuit_breaker_state\{peer="users",service="test"\} (\d)$/m.exec(await metrics.registry.metrics())?.[1]
  expect(await gauge()).toBe('0')
  for (let n = 0; n < 9; n += 1) breaker.onFailure(breaker.tryAcquire() || 1)
  expect(await gauge()).toBe('2')
  breaker.onSuccess()
  expect(await gauge()).toBe('0')
  const lines = text()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { level: string; peer: string })
    .map(({ level, peer }) => [level, peer])
  expect(lines).toEqual([
    ['warn', 'users'],
    ['info', 'users'],
  ])
  metrics.registry.clear()
})
