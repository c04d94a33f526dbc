import { expect, test } from '@jest/globals'
import { createFairSemaphore, PermitDeniedError, type Permit } from '../src/index.ts'

type Options = Parameters<typeof createFairSemaphore>[0]

/** Acquires permits and records the order in which they are granted. */
function createWorkers(options: Options) {
  const semaphore = createFairSemaphore(options)
  const granted: string[] = []
  const permits: Permit[] = []
  return {
    semaphore,
    granted,
    /** @returns the reason for the refusal, or undefined */
    start: (name: string, tenant: string, caller = '', signal?: AbortSignal): Promise<string | undefined> =>
      semaphore.acquire({ tenant, caller, ...(signal && { signal }) }).then(
        (permit) => {
          granted.push(name)
          permits.push(permit)
          return undefined
        },
        (error: unknown) => (error instanceof PermitDeniedError ? error.reason : 'failed'),
      ),
    /** Ends the work that has held its permit for the longest time. */
    finish: async (count = 1): Promise<void> => {
      await nextTick()
      for (let n = 0; n < count; n += 1) {
        permits.shift()?.release()
        await nextTick()
      }
    },
  }
}
const nextTick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const count = (length: number): number[] => Array.from({ length }, (_, n) => n)

test('no more permits are held than exist, and requests of one caller are granted in order', async () => {
  const { start, finish, granted } = createWorkers({ permits: 2, maxQueuePerTenant: 3 })
  const all = count(5).map((n) => start(String(n), 'shop'))
  await nextTick()
  expect(granted).toEqual(['0', '1'])
  await finish(5)
  expect(granted).toEqual(['0', '1', '2', '3', '4'])
  expect(await Promise.all(all)).toEqual(count(5).map(() => undefined))
})

test('the first request of a tenant is granted before the second of another, however many that one has queued', async () => {
  const { start, finish, granted } = createWorkers({ permits: 1, maxQueuePerTenant: 1_000 })
  for (const n of count(100)) void start(`a${String(n)}`, 'a')
  for (const n of count(2)) void start(`b${String(n)}`, 'b')
  void start('c0', 'c')
  await finish(6)
  expect(granted).toEqual(['a0', 'a1', 'b0', 'c0', 'a2', 'b1', 'a3'])
  // A tenant that queues again is not ahead of waiting ones.
  void start('b2', 'b')
  void start('c1', 'c')
  await finish(4)
  expect(granted.slice(7)).toEqual(['a4', 'b2', 'c1', 'a5'])
})

test('the next permit goes to the tenant that holds the fewest', async () => {
  const { start, finish, granted } = createWorkers({ permits: 4, maxQueuePerTenant: 10 })
  for (const n of count(6)) void start(`a${String(n)}`, 'a')
  for (const n of count(3)) void start(`b${String(n)}`, 'b')
  await finish(3)
  expect(granted).toEqual(['a0', 'a1', 'a2', 'a3', 'b0', 'b1', 'a4'])
})

test('permits beyond the maximum of one tenant remain free for the others', async () => {
  const { start, finish, granted } = createWorkers({ permits: 4, maxPerTenant: 2, maxQueuePerTenant: 10 })
  for (const n of count(5)) void start(`a${String(n)}`, 'a')
  void start('b0', 'b')
  await nextTick()
  expect(granted).toEqual(['a0', 'a1', 'b0'])
  await finish()
  expect(granted).toEqual(['a0', 'a1', 'b0', 'a2'])
})

test('callers of one tenant alternate', async () => {
  const { start, finish, granted } = createWorkers({ permits: 1, maxQueuePerTenant: 100 })
  for (const n of count(5)) void start(`analyst ${String(n)}`, 'shop', 'analyst')
  for (const n of count(2)) void start(`report ${String(n)}`, 'shop', 'report')
  await finish(4)
  expect(granted).toEqual(['analyst 0', 'analyst 1', 'report 0', 'analyst 2', 'report 1'])
})

test('a full queue refuses the caller or the tenant that filled it, and no other', async () => {
  const { start } = createWorkers({ permits: 1, maxQueuePerTenant: 3, maxQueuePerCaller: 2 })
  await start('held', 'a', 'one')
  const one = count(4).map((n) => start(`one ${String(n)}`, 'a', 'one'))
  expect(await Promise.all(one.slice(2))).toEqual(['QUEUE_FULL', 'QUEUE_FULL'])
  const two = count(2).map((n) => start(`two ${String(n)}`, 'a', 'two'))
  expect(await two[1]).toBe('QUEUE_FULL')
  const other = start('other', 'b')
  expect(await Promise.race([...one.slice(0, 2), two[0], other, nextTick().then(() => 'queued')])).toBe(
    'queued',
  )
})

test('an aborted request leaves the queue, gets no permit and frees its position', async () => {
  const { start, finish, granted } = createWorkers({ permits: 1, maxQueuePerTenant: 1 })
  await start('first', 'shop')
  const leaving = new AbortController()
  const second = start('second', 'shop', '', leaving.signal)
  leaving.abort()
  expect(await second).toBe('ABORTED')
  expect(await start('too late', 'shop', '', leaving.signal)).toBe('ABORTED')
  const third = start('third', 'shop')
  await finish()
  expect([await third, granted]).toEqual([undefined, ['first', 'third']])
})

test('a request that is queued for too long is refused', async () => {
  const { start, finish, granted } = createWorkers({ permits: 1, maxQueuePerTenant: 2, maxWait: 1 })
  await start('first', 'shop')
  expect(await start('second', 'shop')).toBe('TIMEOUT')
  await finish()
  expect([await start('third', 'shop'), granted]).toEqual([undefined, ['first', 'third']])
})

test('tenants may have limits of their own', async () => {
  const { start, granted } = createWorkers({
    permits: 4,
    maxPerTenant: (tenant) => (tenant === 'service' ? 4 : 1),
    maxQueuePerTenant: 10,
  })
  for (const tenant of ['shop', 'service'])
    for (const n of count(4)) void start(`${tenant} ${String(n)}`, tenant)
  await nextTick()
  expect(granted).toEqual(['shop 0', 'service 0', 'service 1', 'service 2'])
})

test('releasing a permit twice is an error, and frees it once', async () => {
  const semaphore = createFairSemaphore({ permits: 1, maxQueuePerTenant: 1 })
  const permit = await semaphore.acquire({ tenant: 'a' })
  permit.release()
  expect(permit.release).toThrow('released twice')
  expect(semaphore.tryAcquire({ tenant: 'a' })).toBeDefined()
  expect(semaphore.tryAcquire({ tenant: 'a' })).toBeUndefined()
})
