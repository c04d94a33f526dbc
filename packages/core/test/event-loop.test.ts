import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { nextTurn, runWorkload, yieldTurn } from '@user-stats/core'

const nextTurnOf = (tenant: string): Promise<void> => runWorkload({ tenant, caller: '' }, nextTurn)

test('one piece of work is resumed per turn of the event loop, and tenants alternate', async () => {
  const turns: string[][] = []
  const resumed = async (tenant: string, name: string): Promise<void> => {
    await nextTurnOf(tenant)
    turns.at(-1)?.push(name)
  }
  const work = Promise.all([
    ...['a1', 'a2', 'a3', 'a4'].map((name) => resumed('a', name)),
    ...['b1', 'b2'].map((name) => resumed('b', name)),
    resumed('c', 'c1'),
  ])
  // Other work runs in between.
  while (turns.flat().length < 7) {
    turns.push([])
    await setImmediate()
  }
  await work
  expect(turns.filter((names) => names.length > 0)).toEqual(
    ['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4'].map((name) => [name]),
  )
})

test('work continues at once while a turn has time left, and in a later turn otherwise', async () => {
  let others = 0
  const count = async (): Promise<void> => {
    for (;;) {
      others += 1
      await setImmediate()
      if (others < 0) return
    }
  }
  void count()
  await setImmediate()
  const before = others
  await yieldTurn()
  expect(others).toBe(before)
  const began = performance.now()
  while (performance.now() - began < 20);
  await yieldTurn()
  expect(others).toBeGreaterThan(before)
  others = -2
})

test('one tenant can queue work up to a limit, and other tenants are not refused', async () => {
  // No work of earlier tests is in flight.
  await setImmediate()
  await setImmediate()
  const first = Promise.allSettled(Array.from({ length: 10_002 }, () => nextTurnOf('busy tenant')))
  const other = nextTurnOf('other')
  const refused = (await first).filter(({ status }) => status === 'rejected')
  expect(refused).toMatchObject([{ reason: { code: 'OVERLOADED' } }])
  await other
})
