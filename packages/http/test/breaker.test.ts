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
    for (let n = 0; n < times; n += 1) breaker.failed(breaker.enter())
  }
  return { breaker, advance, states, fail }
}

test('it opens after so many failures in a row, and an answer in between starts the count anew', () => {
  const { breaker, states, fail } = start()
  fail(2)
  breaker.answered()
  fail(2)
  expect([breaker.state(), states]).toEqual(['closed', []])
  fail(1)
  expect([breaker.state(), states]).toEqual(['open', ['open']])
  expect(breaker.enter()).toBe(0)
})

test('while it is open one call in each pause is let through, until one is answered', () => {
  const { breaker, states, advance, fail } = start()
  fail(3)
  advance(999)
  expect(breaker.enter()).toBe(0)
  advance(1)
  const trial = breaker.enter()
  expect([trial > 0, breaker.enter(), breaker.state()]).toEqual([true, 0, 'half-open'])
  breaker.failed(trial)
  expect([breaker.state(), breaker.enter()]).toEqual(['open', 0])
  advance(1_000)
  expect(breaker.enter()).toBeGreaterThan(0)
  breaker.answered()
  expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'closed'])
  expect(breaker.enter()).toBeGreaterThan(0)
})

test('a trial that is never answered keeps no other from being made', () => {
  const { breaker, advance, fail } = start()
  fail(3)
  for (let n = 0; n < 5; n += 1) {
    advance(1_000)
    expect([breaker.enter() > 0, breaker.enter()]).toEqual([true, 0])
  }
})

test('calls from before the peer came back do not open it again when they fail', () => {
  const { breaker, advance, fail } = start()
  const old = Array.from({ length: 10 }, () => breaker.enter())
  fail(3)
  advance(1_000)
  breaker.enter()
  breaker.answered()
  for (const ticket of old) breaker.failed(ticket)
  expect(breaker.state()).toBe('closed')
})

test('a peer that goes and comes is told once each in the log, and stands in the metrics', async () => {
  const { log, text } = createTestLog()
  const metrics = createMetrics('test')
  const breaker = createPeerBreaker({ peer: 'users', log, metrics })
  const gauge = async () =>
    /^circuit_breaker_state\{peer="users",service="test"\} (\d)$/m.exec(await metrics.registry.metrics())?.[1]
  expect(await gauge()).toBe('0')
  for (let n = 0; n < 9; n += 1) breaker.failed(breaker.enter() || 1)
  expect(await gauge()).toBe('2')
  breaker.answered()
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
