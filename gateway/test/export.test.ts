import { once } from 'node:events'
import { request as sendRequest, type IncomingMessage } from 'node:http'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { createTestIssuer } from '@user-stats/testing/tokens'
import { GraphQLError } from 'graphql'
import { startGateway } from './support/gateway.ts'
import { sdlOf, startStubSubgraph, type StubSubgraph } from './support/stub-subgraph.ts'

const at = '2026-11-23T05:16:00.123Z'
const user = {
  id: 'u-1',
  email: 'jane@example.org',
  username: 'jane',
  firstName: 'Jane',
  lastName: null,
  phone: null,
  externalId: 'customer 7',
  createdAt: at,
  updatedAt: at,
  store: { id: 1, name: 'Shop' },
}
const issuer = createTestIssuer()
const token = issuer.tokenFor({ role: 'STORE', keyId: 'k-1', storeId: 1 })

/** What the stubs store, and when they fail. */
let held: {
  events: number
  padding: number
  keys: number
  userQueries: number
  erasedAfter: number
  failAt: number
}
let users: StubSubgraph
let events: StubSubgraph
let gateway: Awaited<ReturnType<typeof startGateway>>

interface Paging {
  readonly first: number
  readonly after: string | null
}

function pageOf(total: number, { first, after }: Paging, make: (n: number) => object) {
  const from = after === null ? 0 : Number(after)
  const until = Math.min(total, from + first)
  const nodes = Array.from({ length: until - from }, (_, n) => make(from + n))
  return { nodes, edges: [], pageInfo: { endCursor: String(until), hasNextPage: until < total } }
}

beforeEach(async () => {
  held = { events: 0, padding: 10, keys: 0, userQueries: 0, erasedAfter: Infinity, failAt: Infinity }
  users = await startStubSubgraph({
    typeDefs: sdlOf('users'),
    resolvers: {
      Query: {
        exportUser: (_: unknown, { id }: { id: string }) => {
          held.userQueries += 1
          if (id !== user.id || held.userQueries > held.erasedAfter)
            throw new GraphQLError('none', { extensions: { code: 'USER_NOT_FOUND' } })
          return { user, path: '/' }
        },
        user: () => {
          held.userQueries += 1
          return held.userQueries > held.erasedAfter ? null : user
        },
      },
    },
    routes: (app) => {
      app.get('/.well-known/jwks.json', () => issuer.jwks)
    },
  })
  events = await startStubSubgraph({
    typeDefs: sdlOf('events'),
    resolvers: {
      Query: {
        events: (_: unknown, paging: Paging) => {
          if (Number(paging.after) >= held.failAt)
            throw new GraphQLError('no', { extensions: { code: 'DATABASE_UNAVAILABLE' } })
          return pageOf(held.events, paging, (n) => ({
            id: String(n),
            type: 'view',
            data: { text: 'x'.repeat(held.padding) },
            occurredAt: at,
            createdAt: at,
          }))
        },
        idempotencyKeys: (_: unknown, paging: Paging) =>
          pageOf(held.keys, paging, (n) => ({ key: `k-${String(n)}`, eventId: String(n), createdAt: at })),
      },
    },
  })
  gateway = await startGateway({ USERS_URL: users.origin, EVENTS_URL: events.origin })
})
afterEach(async () => {
  await gateway[Symbol.asyncDispose]()
  await users.close()
  await events.close()
})

const path = '/api/user/u-1/export'
const fetchExport = (bearer: string | undefined = token, at = path) => gateway.rest(bearer, 'GET', at)
const pagesOf = (name: string) =>
  events.requests
    .filter(({ query }) => query.includes(`query ${name}`))
    .map(({ variables }) => variables['first'] as number)

interface Document {
  readonly events: readonly { readonly id: string }[]
  readonly idempotencyKeys: readonly { readonly key: string }[]
}

test('the export is one document with each event once, and ends with complete: true', async () => {
  Object.assign(held, { events: 5_000, keys: 2_500 })
  const { status, headers, body } = await fetchExport()
  expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
    200,
    'application/json; charset=utf-8',
    'no-store',
  ])
  const document = body as unknown as Document
  expect(document).toMatchObject({
    format: 'user-statistics/user-export/1',
    user,
    counts: { events: 5_000, idempotencyKeys: 2_500 },
    complete: true,
  })
  expect(Object.keys(document).at(-1)).toBe('complete')
  expect(document.events.map(({ id }) => Number(id))).toEqual(Array.from({ length: 5_000 }, (_, n) => n))
  expect(document.idempotencyKeys.map(({ key }) => key)).toEqual(
    Array.from({ length: 2_500 }, (_, n) => `k-${String(n)}`),
  )
})

test('the export of a user without events has empty lists', async () => {
  const { body } = await fetchExport()
  expect(body).toMatchObject({ events: [], idempotencyKeys: [], complete: true })
})

test('a page holds about a megabyte, whatever the size of an event', async () => {
  Object.assign(held, { events: 260, padding: 60_000 })
  await fetchExport()
  expect(pagesOf('ExportEvents')).toEqual([200, 16, 16, 16, 16])
  Object.assign(held, { events: 4_500, padding: 1 })
  await fetchExport()
  expect(pagesOf('ExportEvents').slice(5)).toEqual([200, 2_000, 2_000, 2_000])
})

/** Starts an export without reading its body. */
async function open(): Promise<IncomingMessage> {
  const sent = sendRequest(`${gateway.origin}${path}`, { headers: { authorization: `Bearer ${token}` } })
  sent.end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return answer
}

/** Takes longer than reading several pages. */
async function passTime(): Promise<void> {
  for (let n = 0; n < 200; n += 1) await gateway.send('GET', '/health/live')
}

test('an export is read no faster than its client reads, and stops when the client disconnects', async () => {
  Object.assign(held, { events: Infinity, padding: 2_000 })
  const answer = await open()
  await passTime()
  const waiting = events.requests.length
  expect(waiting).toBeLessThan(60)
  for (let read = 0; read < 40_000_000;) {
    const chunk = answer.read() as Buffer | null
    if (chunk === null) await once(answer, 'readable')
    else read += chunk.length
  }
  expect(events.requests.length).toBeGreaterThan(35)
  answer.destroy()
  await passTime()
  const after = events.requests.length
  await passTime()
  expect(events.requests.length).toBe(after)
}, 60_000)

test.each([
  ['its user is erased meanwhile', { erasedAfter: 1 }],
  ['a page cannot be read', { failAt: 2_000 }],
])('an export is cut off when %s, and is not valid JSON then', async (_why, change) => {
  Object.assign(held, { events: 20_000, ...change })
  const answer = await open()
  let text = ''
  const broken = new Promise<Error>((resolve, reject) => {
    answer.on('data', (chunk: Buffer) => (text += chunk.toString()))
    answer.once('error', resolve)
    answer.once('end', () => {
      reject(new Error('it ended as if it were whole'))
    })
  })
  expect((await broken).message).toBe('aborted')
  expect(text).toContain('"id":"0"')
  expect(text).not.toContain('"complete"')
  expect(() => JSON.parse(text) as unknown).toThrow()
})

test('a rejected export is a problem document', async () => {
  const analyst = issuer.tokenFor({ role: 'ANALYST', keyId: 'k-3', storeId: 1 })
  const codeOf = async (sent: ReturnType<typeof fetchExport>) => {
    const { status, body } = await sent
    return [status, body.code]
  }
  expect(await codeOf(fetchExport(''.padEnd(3, 'x')))).toEqual([401, 'TOKEN_INVALID'])
  expect(await codeOf(gateway.rest(undefined, 'GET', path))).toEqual([401, 'UNAUTHENTICATED'])
  expect(await codeOf(fetchExport(analyst))).toEqual([403, 'FORBIDDEN'])
  expect(await codeOf(fetchExport(token, '/api/user/nobody/export'))).toEqual([404, 'USER_NOT_FOUND'])
  users.respond = (reply) => reply.code(502).send('down')
  expect(await codeOf(fetchExport())).toEqual([503, 'SUBGRAPH_UNAVAILABLE'])
})
