import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { startGraph, type Graph } from './support/gateway.ts'

let graph: Graph
beforeAll(async () => {
  graph = await startGraph({ TRUST_PROXY: '127.0.0.1' })
})
afterAll(() => graph[Symbol.asyncDispose]())

const csrf = { 'x-csrf-protection': '1' }
const cookieOf = (token: string) => ({ cookie: `other=1; user_stats_session=${token}` })
const findUser = (headers: Record<string, string>) =>
  graph.graphql(undefined, '{ user(id: "u-1") { id } }', {}, headers)

test('a session cookie signs in to GraphQL and REST, with the header against request forgery', async () => {
  const headers = { ...cookieOf(graph.store), ...csrf, 'sec-fetch-site': 'same-origin' }
  expect((await findUser(headers)).body).toEqual({ data: { user: { id: 'u-1' } } })
  const { status, body } = await graph.rest(
    undefined,
    'GET',
    '/api/user/jane@example.org',
    undefined,
    headers,
  )
  expect([status, body]).toEqual([200, { id: 'u-1' }])
})

test.each([
  ['without the header', {}],
  ['from another site', { ...csrf, 'sec-fetch-site': 'cross-site' }],
  ['from another origin of the site', { ...csrf, 'sec-fetch-site': 'same-site' }],
  ['from another origin, as an older browser reports it', { ...csrf, origin: 'https://shop.example' }],
])('a session cookie %s is refused', async (_how, headers) => {
  const sent = { ...cookieOf(graph.store), ...headers }
  const refused = await findUser(sent)
  expect([refused.status, refused.body.errors[0]?.extensions.code]).toEqual([403, 'FORBIDDEN'])
  const path = '/api/user/jane@example.org'
  expect((await graph.rest(undefined, 'GET', path, undefined, sent)).status).toBe(403)
  expect((await graph.rest(undefined, 'DELETE', '/session', undefined, sent)).status).toBe(403)
})

test('an Authorization header takes precedence over the session cookie', async () => {
  const { status } = await graph.graphql(graph.store, '{ user(id: "u-1") { id } }', {}, cookieOf('a.b.c'))
  expect(status).toBe(200)
})

test('a page of another origin cannot sign in', async () => {
  const body = { apiKey: 'us_key' }
  const headers = { 'sec-fetch-site': 'cross-site' }
  expect((await graph.rest(undefined, 'POST', '/session', body, headers)).status).toBe(403)
})

test('a session without a key is refused with the name of the field', async () => {
  const { status, body } = await graph.rest(undefined, 'POST', '/session', { api_key: 'us_key' })
  expect([status, body.field]).toEqual([422, 'apiKey'])
})

test('a session is read without revealing its token', async () => {
  const headers = { ...cookieOf(graph.store), ...csrf }
  const { status, body } = await graph.rest(undefined, 'GET', '/session', undefined, headers)
  expect([status, body]).toEqual([
    200,
    { role: 'STORE', storeId: 1, storeName: 'Shop', expiresAt: expect.stringMatching(/Z$/) },
  ])
  expect((await graph.rest(undefined, 'GET', '/session')).status).toBe(204)
})

test('a session that is no longer accepted is removed from the browser', async () => {
  const headers = { ...cookieOf(graph.issuer.tokenFor({ role: 'ADMIN', keyId: 'k' }, -60)), ...csrf }
  const { status, headers: answered } = await graph.rest(undefined, 'GET', '/session', undefined, headers)
  expect([status, answered.get('set-cookie')]).toEqual([
    204,
    'user_stats_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict',
  ])
})

test('behind a proxy the cookie is limited to its path and, over TLS, to TLS', async () => {
  const headers = {
    ...csrf,
    'x-forwarded-for': '203.0.113.7',
    'x-forwarded-proto': 'https',
    'x-forwarded-prefix': '/stats',
  }
  const { headers: answered } = await graph.rest(undefined, 'DELETE', '/session', undefined, headers)
  expect(answered.get('set-cookie')).toBe(
    'user_stats_session=; Path=/stats/; Max-Age=0; HttpOnly; SameSite=Strict; Secure',
  )
})
