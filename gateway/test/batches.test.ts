import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { createBreaker } from '@user-stats/core'
import { gatewayCredential } from '@user-stats/http'
import { Pool } from 'undici'
import { createLink, type Link } from '../src/subgraphs/subgraph-client.ts'

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

/** A subgraph that answers as a test says, a link to it, and what arrived. */
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
    link: createLink({
      url,
      pool,
      timeout,
      breaker: createBreaker(),
      maxUnderWay: 1_000,
      gatewaySecret: gatewaySecret === '' ? undefined : gatewaySecret,
      log: { warn: (details: unknown) => warnings.push(details) },
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
const send = (link: Link, n: number, more: object = {}, ...at: Parameters<typeof context>) =>
  link.send(
    { query: 'mutation M { m }', variables: `{"n":${String(n)}}`, shared: true, ...more },
    context(...at),
  )

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

test('operations of one turn share a request, each with its own caller and request id', async () => {
  await using subgraph = await open(echo)
  const answers = await Promise.all([
    send(subgraph.link, 1, {}, 'Bearer a', 'r-1'),
    send(subgraph.link, 2, {}, 'Bearer b', 'r-2'),
    send(subgraph.link, 3, { operationName: 'M' }, 'Bearer a', 'r-3'),
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

test('an operation without company, one that is large and one that may be ended early have requests of their own', async () => {
  await using subgraph = await open(echo)
  await send(subgraph.link, 1)
  const large = { variables: JSON.stringify({ n: 'x'.repeat(300_000) }) }
  const answers = await Promise.all([
    send(subgraph.link, 2),
    send(subgraph.link, 3, large),
    send(subgraph.link, 4, { shared: false }),
    send(subgraph.link, 5),
  ])
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect(subgraph.hits.map(({ path }) => path).sort()).toEqual([
    '/graphql',
    '/graphql',
    '/graphql',
    '/graphql/batch',
  ])
})

test('more operations than a batch holds go in several', async () => {
  await using subgraph = await open(echo)
  const answers = await Promise.all(Array.from({ length: 600 }, (_, n) => send(subgraph.link, n)))
  expect(answers).toEqual(answers.map((_, n) => echoed(n)))
  expect(subgraph.hits.map(({ body }) => (JSON.parse(body) as Batch).operations.length)).toEqual([
    256, 256, 88,
  ])
})

test.each([
  ['takes no batches', 404],
  ['does not recognise the gateway', 403],
])('a subgraph that %s gets each operation once, by itself', async (_why, status) => {
  await using subgraph = await open((request, response, body) => {
    if (request.url === '/graphql') return echo(request, response, body)
    response.statusCode = status
    return response.end('{"errors":[]}')
  })
  for (const _time of [1, 2])
    expect(await Promise.all([1, 2, 3].map((n) => send(subgraph.link, n)))).toEqual([1, 2, 3].map(echoed))
  expect(subgraph.hits.map(({ path }) => path)).toEqual([
    '/graphql/batch',
    ...Array.from({ length: 6 }, () => '/graphql'),
  ])
  expect(subgraph.warnings).toMatchObject([{ status }])
})

test('a gateway without a secret sends each operation by itself', async () => {
  await using subgraph = await open(echo, 5_000, '')
  expect(await Promise.all([1, 2].map((n) => send(subgraph.link, n)))).toEqual([1, 2].map(echoed))
  expect(subgraph.hits).toMatchObject([
    { path: '/graphql', credential: undefined },
    { path: '/graphql', credential: undefined },
  ])
})

test('documents, variables and tokens of a batch together are bounded; the rest goes in another one', async () => {
  await using subgraph = await open(echo)
  const query = `mutation M { m } # ${'x'.repeat(50_000)}`
  await Promise.all(Array.from({ length: 12 }, (_, n) => send(subgraph.link, n, { query })))
  expect(subgraph.hits.map(({ body }) => (JSON.parse(body) as Batch).operations.length)).toEqual([5, 5, 2])
})

test('when the connection breaks, what was answered stays and the rest fails, sent once', async () => {
  await using subgraph = await open((_request, response) => {
    response.write('[1,200,{"data":{"n":2}}]\n[0,20', () => response.destroy())
  })
  const answers = await Promise.allSettled([1, 2, 3].map((n) => send(subgraph.link, n)))
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected'])
  expect(subgraph.hits).toHaveLength(1)
})

test('an answer that leaves an operation out fails what it does not answer', async () => {
  await using short = await open((_request, response) => response.end('[0,200,{"data":{"n":1}}]\n'))
  const some = await Promise.allSettled([1, 2].map((n) => send(short.link, n)))
  expect(some.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
})

test('a batch that is refused is refused to each of its operations, sent once', async () => {
  const text = '{"errors":[{"message":"Busy.","extensions":{"code":"OVERLOADED"}}]}'
  await using busy = await open((_request, response) => {
    response.statusCode = 503
    response.write(text.slice(0, 9), () => response.end(text.slice(9)))
  })
  expect(await Promise.all([1, 2].map((n) => send(busy.link, n)))).toEqual([
    { status: 503, text },
    { status: 503, text },
  ])
  expect(busy.hits).toHaveLength(1)
})

test('what a proxy says of a subgraph that is away is no answer, however long it is, and one failure', async () => {
  await using away = await open((_request, response) => {
    response.statusCode = 502
    response.end(`<html>${'x'.repeat(1_000_000)}`)
  })
  const none = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => send(away.link, n)))
  expect(new Set(none.map(({ status }) => status))).toEqual(new Set(['rejected']))
  // The breaker is still closed: it is asked again.
  await Promise.allSettled([1, 2].map((n) => send(away.link, n)))
  expect(away.hits).toHaveLength(2)
})

test('a subgraph that does not answer in time counts as away for what it has not answered', async () => {
  await using subgraph = await open((_request, response) => {
    response.write('[0,200,{"data":{"n":1}}]\n')
  }, 100)
  const answers = await Promise.allSettled([1, 2].map((n) => send(subgraph.link, n)))
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
})
