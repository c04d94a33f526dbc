import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { connectSharedCounts, type SharedCounts } from '../src/rate-limit/shared-counts.ts'
import { createQuota } from '../src/rate-limit/quota.ts'
import { createTestLog } from '../src/testing.ts'

// Needs `redis-server` on the PATH. Run by `npm run test:redis`, apart from the other tests.

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

let port: number
let redis: ChildProcess

async function startRedis(): Promise<void> {
  redis = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  await once(redis, 'spawn')
  for await (const text of redis.stdout ?? []) if (String(text).includes('Ready to accept connections')) break
}

async function stopRedis(): Promise<void> {
  if (redis.exitCode !== null || redis.signalCode !== null) return
  redis.kill('SIGKILL')
  await once(redis, 'exit')
}

beforeAll(async () => {
  port = await freePort()
  await startRedis()
})
afterAll(stopRedis)

const replica = (prefix = 'rate:test'): SharedCounts =>
  connectSharedCounts({ url: `redis://127.0.0.1:${String(port)}`, prefix, log: createTestLog().log })

/** Retries until there is a result, or until there is none, as requested. */
async function until(
  counts: SharedCounts,
  answered: boolean,
  key: string,
): Promise<readonly number[] | undefined> {
  for (;;) {
    const totals = await counts.add([[key, 0]], 60)
    if ((totals !== undefined) === answered) return totals
    await new Promise(setImmediate)
  }
}

test('replicas add to the same counts; services do not', async () => {
  const [one, two, other] = [replica(), replica(), replica('rate:other')]
  try {
    for (const counts of [one, two, other]) await until(counts, true, 'a')
    expect(
      await one.add(
        [
          ['a', 2],
          ['b', 1],
        ],
        60,
      ),
    ).toEqual([2, 1])
    expect(await two.add([['a', 3]], 60)).toEqual([5])
    expect(await other.add([['a', 1]], 60)).toEqual([1])
  } finally {
    for (const counts of [one, two, other]) counts.close()
  }
})

test('while Redis is unreachable each replica counts alone, and together again once it is back', async () => {
  const [one, two] = [replica('rate:away'), replica('rate:away')]
  const quotaOf = (shared: SharedCounts) =>
    createQuota({ policy: { name: 'test', limit: 2, window: 60 }, clock: () => 0, shared })
  const [first, second] = [quotaOf(one), quotaOf(two)]
  try {
    for (const counts of [one, two]) await until(counts, true, 'x')
    first.consume('a')
    await first.refresh('a')
    await stopRedis()
    await until(one, false, 'x')
    expect(first.consume('a').allowed).toBe(true)
    await first.refresh('a')
    expect(first.consume('a').allowed).toBe(false)
    await startRedis()
    for (const counts of [one, two]) await until(counts, true, 'x')
    // Counts that only the dead server had are lost; counts not yet sent to it are not.
    await first.refresh('a')
    await second.refresh('a')
    expect(second.get('a').count).toBe(2)
    expect(second.consume('a').allowed).toBe(false)
  } finally {
    for (const counts of [one, two]) counts.close()
  }
})
