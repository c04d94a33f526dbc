import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { nextTurn, runWorkload, yieldTurn } from '@user-stats/core'

const nextTurnOf = (tenant: string): Promise<void> => runWorkload({ tenant, caller: '' }, nextTurn)

test('work of many tenants is resumed one piece a turn, and tenants alternate', async () => {
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
  // Whoever else is there is served in between.
  while (turns.flat().length < 7) {
    turns.push([])
    await setImmediate()
  }
  await work
  expect(turns.filter((names) => names.length > 0)).toEqual(
    ['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4'].map((name) => [name]),
  )
})

test('work goes on at once while a turn is young, and in a later one when it has lasted for long', async () => {
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

test('so much work of one tenant may wait and no more; that of others is not refused', async () => {
  // Nothing of before is under way.
  await setImmediate()
  await setImmediate()
  const first = Promise.allSettled(Array.from({ length: 10_002 }, () => nextTurnOf('crowd')))
  const other = nextTurnOf('other')
  const refused = (await first).filter(({ status }) => status === 'rejected')
  expect(refused).toMatchObject([{ reason: { code: 'OVERLOADED' } }])
  await other
})
