import { expect, test } from '@jest/globals'
import { setImmediate as turn } from 'node:timers/promises'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { startGraphApp } from './graph-app.ts'
import { createTestApp } from '@user-stats/http/testing'

const none = { delay: 0, heap: 0, connections: 0 }

/** Blocks the event loop in each of its turns for a number of milliseconds, until it is released. */
function saturate(milliseconds: number): () => void {
  let on = true
  const block = (): void => {
    const end = performance.now() + milliseconds
    while (performance.now() < end);
    if (on) setImmediate(block)
  }
  setImmediate(block)
  return () => {
    on = false
  }
}

const statusOf = async (url: string): Promise<number> => {
  const response = await fetch(url)
  await response.arrayBuffer()
  return response.status
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await turn()
}

const post = (body: unknown): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
})

test('while the event loop is late requests are refused in the form of their path; probes are answered; then all are served', async () => {
  await using it = await startGraphApp([], undefined, undefined, undefined, {
    ...none,
    delay: 20,
    interval: 5,
  })
  const operation = { query: '{ __typename }' }
  await until(async () => (await it.send('/graphql', post(operation))).status === 200)
  const refusals = async () => (await it.metrics.refusals.get()).values[0]?.value ?? 0
  const before = await refusals()
  const release = saturate(40)
  await turn()
  await turn()
  try {
    for (const [path, body] of [
      ['/graphql', operation],
      ['/graphql/batch', [operation]],
    ] as const) {
      const refused = await it.send(path, post(body))
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
      expect(await refused.json()).toEqual({
        errors: [{ message: expect.any(String), extensions: { code: 'OVERLOADED', retryAfter: 1 } }],
      })
    }
    const refused = await it.send('/api/anything')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(refused.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    expect(await refused.json()).toMatchObject({ status: 503, code: 'OVERLOADED' })

    expect((await it.send('/health/live')).status).toBe(200)
    const ready = await it.send('/health/ready')
    expect(ready.status).toBe(503)
    expect(await ready.json()).toEqual({ status: 'unavailable', checks: { load: 'unavailable' } })
    expect(await refusals()).toBe(before + 3)
  } finally {
    release()
  }
  await until(async () => (await it.send('/graphql', post(operation))).status === 200)
  await until(async () => (await it.send('/health/ready')).status === 200)
  await until(async () => (await it.send('/api/anything')).status === 404)
})

test('a process with too much memory refuses requests until it has less', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
  await using it = await createTestApp({
    load: { ...none, heap: ((used + 100 * 2 ** 20) / limit) * 100, interval: 5 },
  })
  it.app.get('/work', () => 'done')
  const origin = await it.listen()
  expect(await statusOf(`${origin}/work`)).toBe(200)
  // Not small integers: 8 bytes each, on the heap.
  const ballast = Array.from({ length: 20 }, () => Array.from({ length: 2 ** 20 }, (_none, n) => n + 0.5))
  await until(async () => (await statusOf(`${origin}/work`)) === 503)
  expect(ballast).toHaveLength(20)
  expect(await statusOf(`${origin}/health/live`)).toBe(200)
  expect(await statusOf(`${origin}/health/ready`)).toBe(503)
  expect(await it.metrics.registry.metrics()).toContain('load_refusals_total{reason="heap"')
  ballast.length = 0
  await until(async () => {
    collect()
    return (await statusOf(`${origin}/work`)) === 200
  })
})

test('by default a thousand requests at once are all served', async () => {
  await using it = await createTestApp()
  it.app.get('/work', () => 'done')
  const origin = await it.listen()
  const statuses = await Promise.all(Array.from({ length: 1_000 }, () => statusOf(`${origin}/work`)))
  expect(new Set(statuses)).toEqual(new Set([200]))
})
