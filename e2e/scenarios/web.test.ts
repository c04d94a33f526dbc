import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { authenticate, call } from '../support/legacy-client.ts'
import { startTestStack, type TestStack } from '../support/stack.ts'

let stack: TestStack
let admin: string

beforeAll(async () => {
  stack = await startTestStack()
  admin = await authenticate(stack.urls.gateway, stack.adminApiKey)
}, 120_000)
afterAll(async () => {
  await stack.stop()
}, 60_000)

const asAdmin = async (query: string, variables: object = {}) => {
  const { body } = await call(stack.urls.gateway, 'POST', '/graphql', {
    token: admin,
    body: { query, variables },
  })
  if (body.errors) throw new Error(JSON.stringify(body.errors))
  return body.data
}

test('a session lasts until its key is revoked, and holds neither key nor readable token', async () => {
  const { gateway } = stack.urls
  const { createApiKey: made } = await asAdmin(
    'mutation { createApiKey(input: { role: ANALYST, name: "Reports" }) { secret apiKey { id } } }',
  )
  const wrong = await call(gateway, 'POST', '/session', { body: { apiKey: 'us_wrong' } })
  expect([wrong.status, wrong.body.code, wrong.headers.get('set-cookie')]).toEqual([
    401,
    'INVALID_API_KEY',
    null,
  ])

  const signedIn = await call(gateway, 'POST', '/session', { body: { apiKey: made.secret } })
  expect(signedIn.status).toBe(201)
  expect(signedIn.body).toEqual({
    role: 'ANALYST',
    storeId: null,
    storeName: null,
    expiresAt: expect.any(String),
  })
  const cookie = signedIn.headers.get('set-cookie') ?? ''
  expect(cookie).toMatch(/; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict$/)
  expect(cookie).not.toContain(made.secret)
  const headers = { cookie: cookie.split(';')[0] ?? '', 'x-csrf-protection': '1' }
  expect((await call(gateway, 'GET', '/session', { headers })).status).toBe(200)

  await asAdmin('mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } } }', {
    id: made.apiKey.id,
  })
  const ended = await call(gateway, 'GET', '/session', { headers })
  expect([ended.status, ended.headers.get('set-cookie')]).toEqual([204, expect.stringContaining('Max-Age=0')])
  const query = { query: '{ topEventTypes { type } }' }
  expect((await call(gateway, 'POST', '/graphql', { headers, body: query })).status).toBe(401)
})
