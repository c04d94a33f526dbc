import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { expect, test } from '@jest/globals'
import { Pool } from 'undici'
import { createReadinessProbe } from '../src/subgraphs/subgraph-readiness.ts'

/** A subgraph that answers every request with one status, and counts requests. */
async function startSubgraph(status: number) {
  const paths: (string | undefined)[] = []
  const server = createServer((request, response) => {
    paths.push(request.url)
    response.writeHead(status).end('{}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const pool = new Pool(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`)
  return {
    paths,
    pool,
    [Symbol.asyncDispose]: async () => {
      await pool.close()
      server.close()
    },
  }
}

test('concurrent checks send one request to a subgraph', async () => {
  await using subgraph = await startSubgraph(200)
  const probe = createReadinessProbe(subgraph.pool)
  await Promise.all(Array.from({ length: 20 }, probe))
  await probe()
  expect(subgraph.paths).toEqual(['/health/ready'])
})

test.each([
  [200, true],
  [503, false],
  // A server without such a route.
  [404, true],
])('a subgraph that answers with status %i is ready: %s', async (status, ready) => {
  await using subgraph = await startSubgraph(status)
  const probe = createReadinessProbe(subgraph.pool)
  expect(
    await probe().then(
      () => true,
      () => false,
    ),
  ).toBe(ready)
})

test('an unavailable subgraph is not ready', async () => {
  const pool = new Pool('http://127.0.0.1:9')
  await expect(createReadinessProbe(pool)()).rejects.toThrow()
  await pool.close()
})
