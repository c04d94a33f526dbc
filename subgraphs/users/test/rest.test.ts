import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startUsers, type Harness } from './harness.ts'

let server: TestPostgres
let users: Harness
let store: { id: number; token: string }
beforeAll(async () => {
  server = await startDatabaseServer()
  users = await startUsers(server)
  store = await users.store()
})
afterAll(async () => {
  await users[Symbol.asyncDispose]()
  await server.stop()
})

let count = 0
const person = (changes: Record<string, unknown> = {}) => {
  count += 1
  const name = `rest${String(count)}`
  return {
    email: `${name}@example.org`,
    username: name,
    first_name: 'Jo',
    last_name: 'Roe',
    phone: 49,
    ...changes,
  }
}
const form = { 'content-type': 'application/x-www-form-urlencoded' }

test.each(['', '/'])('a legacy client does its whole job (paths end with "%s")', async (slash) => {
  const { token, id: storeId } = store
  const sent = person()
  const created = await users.send('POST', `/api/user${slash}`, token, { ...sent, unknown: 'ignored' })
  expect([created.status, created.body]).toEqual([201, { ...sent, id: created.body.id, store_id: storeId }])
  const { id } = created.body

  const found = await users.send('GET', `/api/user/${encodeURIComponent(sent.email)}${slash}`, token)
  expect([found.status, found.body]).toEqual([200, { id }])
  const changed = await users.send('PATCH', `/api/user${slash}`, token, {
    email: sent.email,
    first_name: 'Al',
  })
  expect([changed.status, changed.body]).toEqual([201, { message: 'User successfully updated' }])
  const deleted = await users.send('DELETE', `/api/user/${String(id)}${slash}`, token, undefined, {
    'content-type': 'application/json',
  })
  expect([deleted.status, deleted.body]).toEqual([200, { message: 'User successfully deleted' }])
  const missing = await users.send('GET', `/api/user/${sent.email}${slash}`, token)
  expect([missing.status, missing.body.code]).toEqual([404, 'USER_NOT_FOUND'])
})

test('forms are coerced; JSON is not', async () => {
  const fields = { ...person(), phone: '4915112345678' }
  const created = await users.send(
    'POST',
    '/api/user',
    store.token,
    new URLSearchParams(fields).toString(),
    form,
  )
  expect([created.status, created.body.phone]).toEqual([201, 4_915_112_345_678])
  const changes = new URLSearchParams({ email: fields.email, last_name: 'Äß & =' }).toString()
  expect((await users.send('PATCH', '/api/user', store.token, changes, form)).status).toBe(201)
  const { body } = await users.graphql(store.token, `{ userByEmail(email: "${fields.email}") { lastName } }`)
  expect(body.data.userByEmail.lastName).toBe('Äß & =')
  const text = await users.send('POST', '/api/user', store.token, { ...person(), phone: '49' })
  expect([text.status, text.body.field]).toEqual([422, 'phone'])
})

test("all of a store's users are deleted by an admin", async () => {
  const { id, token } = await users.store()
  await users.send('POST', '/api/user', users.admin, person({ store_id: id }))
  await users.send('POST', '/api/user', token, person({ store_id: id }))
  const answer = await users.send('DELETE', `/api/user/by-store/${String(id)}`, users.admin)
  expect([answer.status, answer.body]).toEqual([200, { message: '2 users were deleted' }])
})

type Case = [string, string, string, () => unknown, number, string, string | undefined]
const cases = (
  [
    ['malformed JSON', 'POST', '/api/user', () => '{"email":', 400, 'BAD_REQUEST'],
    ['an array', 'POST', '/api/user', () => [], 422, 'BAD_USER_INPUT'],
    [
      'a missing member',
      'POST',
      '/api/user',
      () => person({ first_name: undefined }),
      422,
      'BAD_USER_INPUT',
      'first_name',
    ],
    [
      'a blank name',
      'POST',
      '/api/user',
      () => person({ first_name: ' ' }),
      422,
      'BAD_USER_INPUT',
      'first_name',
    ],
    ['NUL', 'POST', '/api/user', () => person({ last_name: 'a\0' }), 422, 'BAD_USER_INPUT', 'last_name'],
    [
      'half a character',
      'POST',
      '/api/user',
      () => person({ last_name: '\ud800' }),
      422,
      'BAD_USER_INPUT',
      'last_name',
    ],
    ['a huge phone', 'POST', '/api/user', () => person({ phone: 1e15 }), 422, 'BAD_USER_INPUT', 'phone'],
    ['half a phone', 'POST', '/api/user', () => person({ phone: 1.5 }), 422, 'BAD_USER_INPUT', 'phone'],
    ['another store', 'POST', '/api/user', () => person({ store_id: 999 }), 403, 'FORBIDDEN'],
    [
      'a huge store',
      'POST',
      '/api/user',
      () => person({ store_id: 2 ** 31 }),
      422,
      'BAD_USER_INPUT',
      'store_id',
    ],
    ['null', 'PATCH', '/api/user', () => ({ email: 'a@b.c', phone: null }), 422, 'BAD_USER_INPUT', 'phone'],
    ['an unknown user', 'PATCH', '/api/user', () => ({ email: 'a@b.c', phone: 1 }), 404, 'USER_NOT_FOUND'],
    ['no UUID', 'DELETE', '/api/user/42', () => undefined, 404, 'USER_NOT_FOUND'],
    ['NUL in a path', 'DELETE', '/api/user/a%00b', () => undefined, 404, 'USER_NOT_FOUND'],
    ['NUL in an address', 'GET', '/api/user/a%00@b.c', () => undefined, 404, 'USER_NOT_FOUND'],
    ['a broken path', 'GET', '/api/user/%E0%A4%A', () => undefined, 400, 'BAD_REQUEST'],
    ['an unknown user', 'DELETE', `/api/user/${randomUUID()}`, () => undefined, 404, 'USER_NOT_FOUND'],
    ['no number', 'DELETE', '/api/user/by-store/x', () => undefined, 422, 'BAD_USER_INPUT', 'store_id'],
    ['an unknown path', 'GET', '/api/nothing', () => undefined, 404, 'NOT_FOUND'],
    ['another method', 'PUT', '/api/user', () => ({}), 405, 'METHOD_NOT_ALLOWED'],
  ] satisfies [string, string, string, () => unknown, number, string, string?][]
)
  // Jest would pass a callback for a row that is shorter than the function.
  .map(([what, method, path, body, status, code, field]): Case => [
    what,
    method,
    path,
    body,
    status,
    code,
    field,
  ])
test.each(cases)('%s is refused: %s %s', async (_what, method, path, body, status, code, field) => {
  const answer = await users.send(method, path, store.token, body())
  expect([answer.status, answer.body.code, answer.body.field]).toEqual([status, code, field])
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
  expect(answer.body.message).toBe(answer.body.detail)
})

test('an invalid address is reported with the other faults of a body, but accepted in a search', async () => {
  const wrong = { email: 'no address', phone: 0, last_name: 'Doe', first_name: 'J', userName: 'jane' }
  const { status, body } = await users.send('POST', '/api/user', store.token, wrong)
  expect([status, body.errors.map(({ message }: { message: string }) => message)]).toEqual([
    422,
    [
      'username: is required',
      'email: must be an address such as name@example.com',
      'phone: must be >= 1',
      'userName: is unknown. Did you mean username?',
    ],
  ])
  const patched = await users.send('PATCH', '/api/user', store.token, { email: 'no address', phone: 1 })
  expect([patched.status, patched.body.code]).toEqual([404, 'USER_NOT_FOUND'])
})

test('taken values are 409, and an admin must name the store', async () => {
  const taken = person()
  await users.send('POST', '/api/user', store.token, taken)
  const email = await users.send('POST', '/api/user', store.token, person({ email: taken.email }))
  expect([email.status, email.body.code]).toEqual([409, 'EMAIL_TAKEN'])
  const username = await users.send('POST', '/api/user', store.token, person({ username: taken.username }))
  expect([username.status, username.body.code]).toEqual([409, 'USERNAME_TAKEN'])
  const admin = await users.send('POST', '/api/user', users.admin, person())
  expect([admin.status, admin.body.field, admin.body.message]).toEqual([
    422,
    'store_id',
    'store_id: is required: an admin belongs to no store',
  ])
})

test('the documentation names every route', async () => {
  const { body } = await users.send('GET', '/openapi.json')
  expect(Object.keys(body.paths)).toEqual([
    '/api/user/{email}',
    '/api/user',
    '/api/user/by-store/{store_id}',
    '/api/user/{id}',
    '/api/users',
  ])
  for (const path of ['/docs', '/redoc', '/redos']) {
    const page = await fetch(users.origin + path)
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(await page.text()).toContain('<title>User statistics: users</title>')
  }
})
