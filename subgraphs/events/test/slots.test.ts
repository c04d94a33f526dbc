import { expect, test } from '@jest/globals'
import { DomainError } from '@user-stats/core'
import { createSlots } from '../src/modules/analytics/slots.ts'

const forEver = new AbortController().signal
const codeOf = (error: unknown): string => (error instanceof DomainError ? error.code : 'failed')

test('so many run at once, so many wait in their order, and more are refused', async () => {
  const slots = createSlots({ running: 2, waiting: 3 })
  const started: number[] = []
  const ends: (() => void)[] = []
  const work = (n: number): Promise<number> =>
    slots.run(async () => {
      started.push(n)
      await new Promise<void>((resolve) => ends.push(resolve))
      if (n === 1) throw new Error('failed')
      return n
    }, forEver)
  const all = [0, 1, 2, 3, 4, 5].map((n) => work(n).catch(codeOf))
  await all[5]
  expect(started).toEqual([0, 1])
  for (const n of [0, 1, 2, 3, 4]) {
    ends[n]?.()
    await all[n]
  }
  expect(started).toEqual([0, 1, 2, 3, 4])
  expect(await Promise.all(all)).toEqual([0, 'failed', 2, 3, 4, 'SERVICE_UNAVAILABLE'])
  const again = work(6)
  ends[5]?.()
  expect(await again).toBe(6)
})

test('what is no longer wanted leaves the queue, takes no turn and makes room', async () => {
  const slots = createSlots({ running: 1, waiting: 1 })
  const { promise: held, resolve: end } = Promise.withResolvers<string>()
  const first = slots.run(() => held, forEver)
  const leaving = new AbortController()
  let ran = false
  const second = slots
    .run(() => {
      ran = true
      return Promise.resolve()
    }, leaving.signal)
    .catch(codeOf)
  leaving.abort()
  expect(await second).toBe('SERVICE_UNAVAILABLE')
  const third = slots.run(() => Promise.resolve('third'), forEver)
  end('first')
  expect([await first, await third, ran]).toEqual(['first', 'third', false])
})
