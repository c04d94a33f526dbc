import { expect, test } from '@jest/globals'
import { createStoreQueues, type Entry } from '../src/modules/event/store-queues.ts'

interface Named extends Entry {
  readonly name: string
}

const entries = (storeId: number, count: number): Named[] =>
  Array.from({ length: count }, (_, n) => ({ storeId, name: `${String(storeId)}:${String(n)}` }))
const namesOf = (batch: readonly Named[]): string[] => batch.map(({ name }) => name)
const always = (): boolean => true

function queuesOf(limit: number, ...queued: readonly Named[][]) {
  const queues = createStoreQueues<Named>(limit)
  for (const entry of queued.flat()) queues.push(entry)
  return queues
}

test('a batch has an equal share of each store, and fills up with any', () => {
  const queues = queuesOf(100, entries(1, 10), entries(2, 1), entries(3, 2))
  expect(namesOf(queues.take(6, always, always))).toEqual(['1:0', '1:1', '2:0', '3:0', '3:1', '1:2'])
  expect(namesOf(queues.take(6, always, always))).toEqual(['1:3', '1:4', '1:5', '1:6', '1:7', '1:8'])
  expect(queues.size()).toBe(1)
})

test('with more stores than entries in a batch, the least recently served come first', () => {
  const queues = queuesOf(100, entries(1, 2), entries(2, 2), entries(3, 2))
  expect(namesOf(queues.take(2, always, always))).toEqual(['1:0', '2:0'])
  expect(namesOf(queues.take(2, always, always))).toEqual(['3:0', '1:1'])
  expect(namesOf(queues.take(9, always, always))).toEqual(['2:1', '3:1'])
})

test('entries that are not ready keep their position, and entries put back come first', () => {
  const queues = queuesOf(100, entries(1, 4), entries(2, 2))
  const batch = queues.take(
    9,
    (storeId) => storeId !== 2,
    ({ name }) => name !== '1:1',
  )
  expect(namesOf(batch)).toEqual(['1:0', '1:2', '1:3'])
  queues.putBack(batch.slice(0, 1))
  expect([queues.size(), namesOf(queues.take(2, (storeId) => storeId === 1, always))]).toEqual([
    4,
    ['1:0', '1:1'],
  ])
})

test('when the queues are full, a store with its share is refused, and another has room until it reaches its own', () => {
  const queues = queuesOf(10, entries(1, 8))
  expect([queues.isFull(1, 2), queues.isFull(1, 3), queues.isFull(2, 2)]).toEqual([false, true, false])
  for (const entry of entries(1, 2)) queues.push(entry)
  expect([queues.isFull(1, 1), queues.isFull(2, 5), queues.isFull(2, 6)]).toEqual([true, false, true])
  for (const entry of entries(2, 5)) queues.push(entry)
  expect([queues.isFull(2, 1), queues.isFull(3, 3), queues.isFull(3, 4)]).toEqual([true, false, true])
})

test('removed entries free their positions', () => {
  const queues = queuesOf(4, entries(1, 3), entries(2, 1))
  expect(namesOf(queues.remove(({ name }) => name !== '1:1'))).toEqual(['1:0', '1:2', '2:0'])
  expect([queues.size(), queues.isFull(2, 3), namesOf(queues.entries())]).toEqual([1, false, ['1:1']])
})
