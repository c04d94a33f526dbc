import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { createBreaker } from '@user-stats/core'
import { gatewayCredential } from '@user-stats/http'
import { Pool } from 'undici'
import { createOperationBatcher } from '@user-stats/fast-path/gateway'
import { createSubgraphClient, type SendOperation } from '../src/subgraphs/subgraph-client.ts'

interface Batch {
  readonly documents: readonly (readonly [string, string | null])[]
  readonly senders: readonly Record<string, string>[]
  readonly operations: readonly (readonly [number, number, Record<string, string>, object])[]
}

interface Hit {
  readonly path: string | undefined
  readonly body: string
  readonly credential: string | readonly string[] | undefined
}

const secret = 'a-secret-of-the-gateway'

type Serve = (request: IncomingMessage, response: ServerResponse, body: string) => unknown

/** A subgraph that answers as a test defines, a client of it, and the requests it received. */
async function open(serve: Serve, timeout = 5_000, gatewaySecret = secret) {
  const hits: Hit[] = []
  const warnings: unknown[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      hits.push({ path: request.url, body, credential: request.headers['x-gateway-credential'] })
      return serve(request, response, body)
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/graphql`
  const pool = new Pool(new URL(url).origin)
  return {
    hits,
    warnings,
    client: createSubgraphClient({
      url,
      pool,
      timeout,
      breaker: createBreaker(),
      maxConnections: 100,
      maxInFlight: 1_000,
      gatewaySecret: gatewaySecret === '' ? undefined : gatewaySecret,
      log: { warn: (details: unknown) => warnings.push(details) },
      createBatcher: createOperationBatcher,
    }),
    [Symbol.asyncDispose]: async () => {
      await pool.destroy()
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

const context = (authorization = 'Bearer a', requestId = 'r') => ({
  authorization,
  requestId,
  address: '127.0.0.1',
  signal: new AbortController().signal,
  deadline: Infinity,
})
const send = (client: SendOperation, n: number, more: object = {}, ...caller: Parameters<typeof context>) =>
  client({ query: 'mutation M { m }', variables: { n }, ...more }, context(...caller))

/** Answers every operation with its own variables. */
const echo: Serve = (_request, response, body) => {
  const { operations, variables } = JSON.parse(body) as Batch & { variables?: object }
  if (variables) response.end(JSON.stringify({ data: variables }))
  else
    response.end(
      operations.map(([, , , own], at) => `[${String(at)},200,${JSON.stringify({ data: own })}]\n`).join(''),
    )
}
/** Headers of one operation. */
const ownOf = (id: string) => ({ 'x-request-id': id, 'x-timeout-ms': expect.stringMatching(/^\d+$/) })
const echoed = (n: number) => ({ status: 200, text: JSON.stringify({ data: { n } }) })

test('operations of one turn of the event loop share a request, each with its own caller and request id', async () => {
  await using subgraph = await open(echo)
  const answers = await Promise.all([
    send(subgraph.client, 1, {}, 'Bearer a', 'r-1'),
    send(subgraph.client, 2, {}, 'Bearer b', 'r-2'),
    send(subgraph.client, 3, { operationName: 'M' }, 'Bearer a', 'r-3'),
  ])
  expect(answers).toEqual([1, 2, 3].map(echoed))
  expect(subgraph.hits).toMatchObject([{ path: '/graphql/batch', credential: gatewayCredential(secret) }])
  const { documents, senders, operations } = JSON.parse(subgraph.hits[0]?.body ?? '') as Batch
  expect(
    operations.map(([document, sender, own, variables]) => [
      documents[document],
      senders[sender],
      own,
      variables,
    ]),
  ).toEqual([
    [['mutation M { m }', null], { authorization: 'Bearer a' }, ownOf('r-1'), { n: 1 }],
    [['mutation M { m }', null], { authorization: 'Bearer b' }, ownOf('r-2'), { n: 2 }],
    [['mutation M { m }', 'M'], { authorization: 'Bearer a' }, ownOf('r-3'), { n: 3 }],
  ])
})

test('an operation that is the only one of its turn, a large one and a query that can be cancelled have requests of their own', async () => {
  await using subgraph = await open(echo)
  await send(subgraph.client, 1)
  const large = { variables: { n: 'x'.repeat(300_000) } }
  const answers = await Promise.all([
    send(subgraph.client, 2),
    send(subgraph.client, 3, large),
    send(subgraph.client, 4, { query: 'query Q { q }' }),
    send(subgraph.client, 5),
  ])
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect(subgraph.hits.map(({ path }) => path).sort()).toEqual([
    '/graphql',
    '/graphql',
    '/graphql',
    '/graphql/batch',
  ])
})

test('every request shows the subgraph that it is the gateway, whose connections are kept', async () => {
  await using subgraph = await open(echo)
  await send(subgraph.client, 1)
  await Promise.all([send(subgraph.client, 2), send(subgraph.client, 3)])
  expect(subgraph.hits.map(({ path }) => path)).toEqual(['/graphql', '/graphql/batch'])
  for (const { credential } of subgraph.hits) expect(credential).toBe(gatewayCredential(secret))
})

test('more operations than a batch holds are sent in several', async () => {
  await using subgraph = await open(echo)
  const answers = await Promise.all(Array.from({ length: 600 }, (_, n) => send(subgraph.client, n)))
  expect(answers).toEqual(answers.map((_, n) => echoed(n)))
  expect(subgraph.hits.map(({ body }) => (JSON.parse(body) as Batch).operations.length)).toEqual([
    256, 256, 88,
  ])
})

test.each([
  ['has no batch endpoint', 404],
  ['does not recognise the gateway', 403],
])('a subgraph that %s receives each operation once, in a request of its own', async (_why, status) => {
  await using subgraph = await open((request, response, body) => {
    if (request.url === '/graphql') return echo(request, response, body)
    response.statusCode = status
    return response.end('{"errors":[]}')
  })
  for (const _time of [1, 2])
    expect(await Promise.all([1, 2, 3].map((n) => send(subgraph.client, n)))).toEqual([1, 2, 3].map(echoed))
  expect(subgraph.hits.map(({ path }) => path)).toEqual([
    '/graphql/batch',
    ...Array.from({ length: 6 }, () => '/graphql'),
  ])
  expect(subgraph.warnings).toMatchObject([{ status }])
})

test('a gateway without a secret sends each operation in a request of its own', async () => {
  await using subgraph = await open(echo, 5_000, '')
  expect(await Promise.all([1, 2].map((n) => send(subgraph.client, n)))).toEqual([1, 2].map(echoed))
  expect(subgraph.hits).toMatchObject([
    { path: '/graphql', credential: undefined },
    { path: '/graphql', credential: undefined },
  ])
})

test('documents, variables and tokens of a batch together are bounded; the rest is sent in another batch', async () => {
  await using subgraph = await open(echo)
  const query = `mutation M { m } # ${'x'.repeat(50_000)}`
  await Promise.all(Array.from({ length: 12 }, (_, n) => send(subgraph.client, n, { query })))
  expect(subgraph.hits.map(({ body }) => (JSON.parse(body) as Batch).operations.length)).toEqual([5, 5, 2])
})

test('when the connection breaks, operations without a response fail and are not sent again', async () => {
  await using subgraph = await open((_request, response) => {
    response.write('[1,200,{"data":{"n":2}}]\n[0,20', () => response.destroy())
  })
  const answers = await Promise.allSettled([1, 2, 3].map((n) => send(subgraph.client, n)))
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
  expect(subgraph.hits).toHaveLength(1)
})

test('an operation that a batch response leaves out fails', async () => {
  await using short = await open((_request, response) => response.end('[0,200,{"data":{"n":1}}]\n'))
  const some = await Promise.allSettled([1, 2].map((n) => send(short.client, n)))
  expect(some.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
})

test('a refusal of a batch is the response to each of its operations, which are not sent again', async () => {
  const text = '{"errors":[{"message":"Busy.","extensions":{"code":"OVERLOADED"}}]}'
  await using busy = await open((_request, response) => {
    response.statusCode = 503
    response.write(text.slice(0, 9), () => response.end(text.slice(9)))
  })
  expect(await Promise.all([1, 2].map((n) => send(busy.client, n)))).toEqual([
    { status: 503, text },
    { status: 503, text },
  ])
  expect(busy.hits).toHaveLength(1)
})

test('an error page of a proxy is no response, however long it is, and counts as one failure', async () => {
  await using away = await open((_request, response) => {
    response.statusCode = 502
    response.end(`<html>${'x'.repeat(1_000_000)}`)
  })
  const none = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => send(away.client, n)))
  expect(new Set(none.map(({ status }) => status))).toEqual(new Set(['rejected']))
  // The circuit is still closed.
  await Promise.allSettled([1, 2].map((n) => send(away.client, n)))
  expect(away.hits).toHaveLength(2)
})

test('operations without a response fail at the timeout, and the others do not', async () => {
  await using subgraph = await open((_request, response) => {
    response.write('[0,200,{"data":{"n":1}}]\n')
  }, 100)
  const answers = await Promise.allSettled([1, 2].map((n) => send(subgraph.client, n)))
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
})
