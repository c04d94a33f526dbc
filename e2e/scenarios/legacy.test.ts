import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startTestStack, type TestStack } from '../support/stack.ts'
import { authenticate, call, type Encoding } from '../support/legacy-client.ts'

let stack: TestStack
let gateway: string
let users: string
let events: string
let admin: string
let storeId: number
let store: string
let otherStore: string
let otherStoreId: number

async function createStore(name: string): Promise<{ id: number; token: string }> {
  const { body } = await call(gateway, 'POST', '/api/store/', { token: admin, body: { name } })
  return { id: body.id, token: await authenticate(gateway, body.api_key) }
}

beforeAll(async () => {
  stack = await startTestStack()
  ;({ gateway, users, events } = stack.urls)
  admin = await authenticate(gateway, stack.adminApiKey)
  ;({ id: storeId, token: store } = await createStore('Shoes'))
  ;({ id: otherStoreId, token: otherStore } = await createStore('Hats'))
}, 120_000)
afterAll(async () => {
  await stack.stop()
}, 60_000)

const jane = {
  email: 'Jane.Doe@example.org',
  username: 'jane',
  first_name: 'Jane',
  last_name: 'Doe',
  phone: 491701234567890,
}
const today = (): string => new Date().toISOString().slice(0, 10)

describe('port 8000', () => {
  test('authentication', async () => {
    for (const path of ['/api/auth', '/api/auth/']) {
      const { status, body } = await call(gateway, 'POST', path, { body: { api_key: stack.adminApiKey } })
      expect(status).toBe(200)
      expect(body).toEqual({ access_token: expect.any(String), token_type: 'Bearer' })
    }
    expect((await call(gateway, 'POST', '/api/auth/', { body: { api_key: 'wrong' } })).status).toBe(401)
    expect((await call(gateway, 'POST', '/api/auth/', { body: {} })).status).toBe(422)
  })

  test('a user is registered, found, changed and deleted, and the events with it', async () => {
    const created = await call(gateway, 'POST', '/api/user', { token: store, body: jane })
    expect(created.status).toBe(201)
    expect(created.body).toEqual({ ...jane, id: expect.any(String), store_id: storeId })
    const { id } = created.body

    expect(
      await call(gateway, 'POST', '/api/user/', { token: store, body: { ...jane, username: 'j2' } }),
    ).toMatchObject({
      status: 409,
      contentType: expect.stringContaining('application/problem+json'),
      body: { code: 'EMAIL_TAKEN', detail: expect.any(String), message: expect.any(String) },
    })
    expect((await call(gateway, 'GET', '/api/user/jane.doe@EXAMPLE.org/', { token: store })).body).toEqual({
      id,
    })
    expect(
      (await call(gateway, 'GET', `/api/user/${encodeURIComponent(jane.email)}`, { token: store })).body,
    ).toEqual({ id })
    expect((await call(gateway, 'GET', `/api/user/${jane.email}`, { token: otherStore })).status).toBe(404)

    const changed = await call(gateway, 'PATCH', '/api/user', {
      token: store,
      body: { email: jane.email, last_name: 'Roe', store_id: storeId },
    })
    expect([changed.status, changed.body]).toEqual([201, { message: 'User successfully updated' }])

    for (const type of ['login', 'login', 'buy'])
      await call(gateway, 'POST', '/api/event', { token: store, body: { type, user_id: id, data: {} } })
    const path = `/api/user/${id}`
    expect((await call(gateway, 'DELETE', path, { token: otherStore })).status).toBe(404)
    const deleted = await call(gateway, 'DELETE', path, {
      token: store,
      headers: { 'content-type': 'application/json' },
    })
    expect([deleted.status, deleted.body]).toEqual([
      200,
      { user: 'User successfully deleted', events: '3 events were deleted' },
    ])
    expect((await call(gateway, 'DELETE', path, { token: store })).status).toBe(404)
    expect((await call(gateway, 'GET', `/api/user/${jane.email}`, { token: store })).status).toBe(404)
    const late = await call(gateway, 'POST', '/api/event', {
      token: store,
      body: { type: 'buy', user_id: id, data: {} },
    })
    expect([late.status, late.body.code]).toEqual([409, 'USER_ERASED'])
  })

  test('an event is recorded once per idempotency key, and counted', async () => {
    const body = { type: 'view', user_id: 'visitor', data: { page: '/shoes', price: 9.5 } }
    const headers = { 'idempotency-key': 'view-1' }
    const created = {
      id: expect.any(Number),
      store_id: storeId,
      created_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}$/),
    }
    const first = await call(gateway, 'POST', '/api/event/', { token: store, body, headers })
    expect(first.status).toBe(201)
    // A client that sends an idempotency key gets the new members too.
    expect(first.body).toEqual({
      ...body,
      ...created,
      occurred_at: expect.stringMatching(/Z$/),
      duplicate: false,
    })
    expect((await call(gateway, 'POST', '/api/event', { token: store, body, headers })).body).toEqual({
      ...first.body,
      duplicate: true,
    })
    for (const user of ['visitor', 'another']) {
      const sent = { ...body, user_id: user }
      const answer = await call(gateway, 'POST', '/api/event', { token: store, body: sent })
      expect(answer.body).toEqual({ ...sent, ...created })
    }

    for (const slash of ['', '/']) {
      expect((await call(gateway, 'GET', `/api/event/amount/view${slash}`, { token: store })).body).toEqual([
        { date: today(), event_amount: 3 },
      ])
      expect((await call(gateway, 'GET', `/api/event/avg-time/view${slash}`, { token: store })).body).toEqual(
        [{ date: today(), event_avg_time: 1.5 }],
      )
      expect(
        (
          await call(gateway, 'GET', `/api/event/store-events-amount/${String(storeId)}${slash}`, {
            token: admin,
          })
        ).body,
      ).toEqual([{ date: today(), event_amount: 3 }])
    }
    expect((await call(gateway, 'GET', '/api/event/amount/view?offset=1', { token: store })).body).toEqual([])
    expect((await call(gateway, 'GET', '/api/event/amount/view?limit=0', { token: store })).body).toEqual([])
    expect((await call(gateway, 'GET', '/api/event/amount/view?limit=x', { token: store })).status).toBe(422)
    expect((await call(gateway, 'GET', '/api/event/amount/never', { token: store })).body).toEqual([])
    expect(
      (await call(gateway, 'GET', `/api/event/store-events-amount/${String(storeId)}`, { token: otherStore }))
        .status,
    ).toBe(403)
  })

  test('stores are listed, made, blocked and deleted by admins only', async () => {
    const listed = await call(gateway, 'GET', '/api/store/?limit=1&offset=1', { token: admin })
    expect([listed.status, listed.body]).toEqual([200, [{ id: otherStoreId, name: 'Hats', is_active: true }]])
    for (const [method, path, body] of [
      ['GET', '/api/store'],
      ['POST', '/api/store', { name: 'x' }],
      ['DELETE', `/api/store/${String(storeId)}`],
      ['POST', '/api/store/block', { store_id: storeId }],
    ] as const) {
      expect((await call(gateway, method, path, { token: store, body })).status).toBe(403)
      expect((await call(gateway, method, path, { body })).status).toBe(401)
    }

    const made = await call(gateway, 'POST', '/api/store', { token: admin, body: { name: 'Bags' } })
    expect([made.status, made.body]).toEqual([
      201,
      { id: expect.any(Number), name: 'Bags', is_active: true, api_key: expect.any(String) },
    ])
    const token = await authenticate(gateway, made.body.api_key)
    await call(gateway, 'POST', '/api/user', { token, body: jane })
    await call(gateway, 'POST', '/api/event', { token, body: { type: 'a', user_id: 'u', data: {} } })

    const blocked = await call(gateway, 'POST', '/api/store/block/', {
      token: admin,
      body: { store_id: made.body.id },
    })
    expect([blocked.status, blocked.body]).toEqual([201, { message: 'Store successfully blocked' }])
    expect(
      (await call(gateway, 'POST', '/api/event', { token, body: { type: 'a', user_id: 'u', data: {} } }))
        .status,
    ).toBe(403)
    expect((await call(gateway, 'GET', `/api/user/${jane.email}`, { token })).status).toBe(403)
    expect((await call(gateway, 'POST', '/api/auth', { body: { api_key: made.body.api_key } })).status).toBe(
      403,
    )

    const path = `/api/store/${String(made.body.id)}`
    const deleted = await call(gateway, 'DELETE', path, { token: admin })
    expect([deleted.status, deleted.body]).toEqual([
      200,
      { users: '1 users were deleted', events: '1 events were deleted' },
    ])
    expect((await call(gateway, 'DELETE', path, { token: admin })).status).toBe(404)
    expect(
      (await call(gateway, 'POST', '/api/store/block', { token: admin, body: { store_id: made.body.id } }))
        .status,
    ).toBe(404)
  })

  test('is_admin creates an admin key instead of a store', async () => {
    const made = await call(gateway, 'POST', '/api/store', {
      token: admin,
      body: { name: 'Second admin', is_admin: true },
    })
    expect(made.status).toBe(201)
    const token = await authenticate(gateway, made.body.api_key)
    const listed = await call(gateway, 'GET', '/api/store', { token })
    expect(listed.body.map((each: any) => each.name)).not.toContain('Second admin')
    // An admin belongs to no store and has to name one.
    const body = { type: 'a', user_id: 'u', data: {} }
    const missing = await call(gateway, 'POST', '/api/event', { token, body })
    expect([missing.status, missing.body.field]).toEqual([422, 'store_id'])
    expect(
      (await call(gateway, 'POST', '/api/event', { token, body: { ...body, store_id: storeId } })).status,
    ).toBe(201)
  })
})

describe.each<Encoding>(['json', 'form'])('ports 8001 and 8002, %s bodies', (encoding) => {
  const who = { ...jane, email: `${encoding}@example.org`, username: encoding }

  test('users', async () => {
    const created = await call(users, 'POST', '/api/user/', {
      token: store,
      encoding,
      body: { ...who, store_id: storeId },
    })
    expect(created.status).toBe(201)
    expect(created.body).toEqual({ ...who, id: expect.any(String), store_id: storeId })
    expect((await call(users, 'GET', `/api/user/${who.email}`, { token: store })).body).toEqual({
      id: created.body.id,
    })
    const changed = await call(users, 'PATCH', '/api/user', {
      token: store,
      encoding,
      body: { email: who.email, phone: 5, store_id: storeId },
    })
    expect([changed.status, changed.body]).toEqual([201, { message: 'User successfully updated' }])
    const sent = await call(events, 'POST', '/api/event', {
      token: store,
      encoding,
      body: { type: `kept ${encoding}`, user_id: created.body.id, data: { a: [1] }, store_id: storeId },
    })
    expect([sent.status, sent.body.data]).toEqual([201, { a: [1] }])
    const deleted = await call(users, 'DELETE', `/api/user/${created.body.id}`, { token: store })
    expect([deleted.status, deleted.body]).toEqual([200, { message: 'User successfully deleted' }])
    // Personal data only: the statistics stay.
    expect(
      (await call(events, 'GET', `/api/event/amount/kept%20${encoding}`, { token: store })).body,
    ).toEqual([{ date: today(), event_amount: 1 }])
    expect((await call(events, 'DELETE', `/api/event/${created.body.id}`, { token: store })).body).toEqual({
      message: '1 events were deleted',
    })
  })

  test('whole stores', async () => {
    const { id, token } = await createStore(`Whole ${encoding}`)
    for (const n of [1, 2]) {
      await call(users, 'POST', '/api/user', {
        token,
        encoding,
        body: { ...who, email: `${String(n)}@example.org`, username: `u${String(n)}`, store_id: id },
      })
      await call(events, 'POST', '/api/event', {
        token,
        encoding,
        body: { type: 't', user_id: 'u', data: {}, store_id: id },
      })
    }
    expect(
      (await call(users, 'DELETE', `/api/user/by-store/${String(id)}/`, { token: otherStore })).status,
    ).toBe(403)
    expect((await call(users, 'DELETE', `/api/user/by-store/${String(id)}/`, { token })).body).toEqual({
      message: '2 users were deleted',
    })
    expect(
      (await call(events, 'DELETE', `/api/event/by-store/${String(id)}`, { token: admin })).body,
    ).toEqual({
      message: '2 events were deleted',
    })
  })

  test('a null in PATCH, a phone out of range and a missing member are 422, by name', async () => {
    const { email, ...rest } = who
    for (const [body, field] of [
      [{ ...who, phone: 1_000_000_000_000_000 }, 'phone'],
      [{ ...who, phone: 0 }, 'phone'],
      [rest, 'email'],
      [{ ...who, email: 'invalid' }, 'email'],
      [{ ...who, first_name: '' }, 'first_name'],
    ] as const) {
      const { status, body: problem } = await call(users, 'POST', '/api/user', {
        token: store,
        encoding,
        body,
      })
      expect([status, problem.field]).toEqual([422, field])
    }
    expect(email).toBeDefined()
    const patched = await call(users, 'PATCH', '/api/user', {
      token: store,
      body: { email: who.email, phone: null },
    })
    expect([patched.status, patched.body.field]).toEqual([422, 'phone'])
  })
})

test.each(['gateway', 'users', 'events'] as const)(
  '%s: documentation and health, no metrics',
  async (name) => {
    const origin = stack.urls[name]
    for (const path of ['/docs', '/redoc', '/redos/']) {
      const page = await call(origin, 'GET', path)
      expect([page.status, page.contentType]).toEqual([200, expect.stringContaining('text/html')])
    }
    const { body } = await call(origin, 'GET', '/openapi.json')
    expect(body.openapi).toMatch(/^3\.1/)
    expect((await call(origin, 'GET', '/health/live')).status).toBe(200)
    expect((await call(origin, 'GET', '/health/ready')).status).toBe(200)
    expect((await call(origin, 'GET', '/metrics')).status).toBe(404)
    expect((await call(origin, 'GET', '/nowhere')).status).toBe(404)
  },
)
