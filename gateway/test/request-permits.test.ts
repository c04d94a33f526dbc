import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from '@jest/globals'
import { createBreaker, runWorkload } from '@user-stats/core'
import { createOperationBatcher } from '@user-stats/fast-path/gateway'
import { Pool } from 'undici'
import { createSubgraphClient, RequestNotSentError } from '../src/subgraphs/subgraph-client.ts'

/** A subgraph that answers when a test says so, and a client of it with four connections. */
async function open() {
  const received: { readonly tenant: string; readonly answer: () => void }[] = []
  const server = createServer((request, response: ServerResponse) => {
    received.push({
      tenant: String(request.headers.authorization),
      answer: () => response.end('{"data":{}}'),
    })
    server.emit('received')
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/graphql`
  const pool = new Pool(new URL(url).origin, { connections: 4 })
  const client = createSubgraphClient({
    url,
    pool,
    timeout: 5_000,
    breaker: createBreaker(),
    maxConnections: 4,
    maxInFlight: 20,
    gatewaySecret: 'a-secret-of-the-gateway',
    log: { warn: () => undefined },
    createBatcher: createOperationBatcher,
  })
  return {
    received,
    send: (tenant: string, query = 'query Q { q }', signal = new AbortController().signal) =>
      runWorkload({ tenant, caller: '' }, () =>
        client(
          { query, variables: {} },
          { authorization: tenant, requestId: 'r', address: '127.0.0.1', signal, deadline: Infinity },
        ),
      ),
    async arrived(count: number) {
      while (received.length < count) await once(server, 'received')
    },
    [Symbol.asyncDispose]: async () => {
      await pool.destroy()
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

test('one tenant has half of the connections to a subgraph, and others go before what it has queued', async () => {
  await using subgraph = await open()
  const greedy = Array.from({ length: 8 }, () => subgraph.send('greedy'))
  await subgraph.arrived(2)
  const other = [subgraph.send('other'), subgraph.send('third'), subgraph.send('other')]
  await subgraph.arrived(4)
  expect(subgraph.received.map(({ tenant }) => tenant)).toEqual(['greedy', 'greedy', 'other', 'third'])
  subgraph.received[3]?.answer()
  await subgraph.arrived(5)
  expect(subgraph.received[4]?.tenant).toBe('other')
  for (const n of [0, 1, 2, 4, 5, 6, 7, 8, 9, 10]) {
    await subgraph.arrived(n + 1)
    subgraph.received[n]?.answer()
  }
  await Promise.all([...greedy, ...other])
})

test('one tenant has half of the requests in flight; more of it are not sent, those of others are', async () => {
  await using subgraph = await open()
  const sent = Array.from({ length: 10 }, () => subgraph.send('greedy').catch((error: unknown) => error))
  await expect(subgraph.send('greedy')).rejects.toThrow(RequestNotSentError)
  const other = subgraph.send('other')
  await subgraph.arrived(3)
  subgraph.received[2]?.answer()
  expect(await other).toMatchObject({ status: 200 })
  expect(sent).toHaveLength(10)
})

test('a request whose client has gone leaves the queue, and counts as no failure of the subgraph', async () => {
  await using subgraph = await open()
  const sent = [subgraph.send('greedy'), subgraph.send('greedy')]
  const client = new AbortController()
  const queued = subgraph.send('greedy', undefined, client.signal)
  client.abort()
  await expect(queued).rejects.toThrow(RequestNotSentError)
  await subgraph.arrived(2)
  for (const { answer } of subgraph.received) answer()
  await Promise.all(sent)
  expect(subgraph.received).toHaveLength(2)
})

test('mutations of several tenants that are flushed together and sent alone count for their own tenant', async () => {
  await using subgraph = await open()
  const large = `mutation M { m(text: "${'x'.repeat(300_000)}") }`
  const sent = ['greedy', 'greedy', 'greedy', 'other'].map((tenant) => subgraph.send(tenant, large))
  await subgraph.arrived(3)
  expect(subgraph.received.map(({ tenant }) => tenant)).toEqual(['greedy', 'greedy', 'other'])
  subgraph.received[0]?.answer()
  await subgraph.arrived(4)
  for (const { answer } of subgraph.received.slice(1)) answer()
  await Promise.all(sent)
})
