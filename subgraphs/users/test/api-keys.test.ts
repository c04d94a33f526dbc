import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { adminKey, startDatabaseServer, startUsers, type Harness } from './harness.ts'

let server: TestPostgres
let users: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  users = await startUsers(server)
})
afterAll(async () => {
  await users[Symbol.asyncDispose]()
  await server.stop()
})

const create = (input: Record<string, unknown>) =>
  users.mutate(
    users.admin,
    'createApiKey',
    { name: 'a key', ...input },
    'apiKey { id role prefix store { id } } secret',
  )
const authenticate = (apiKey: string) => users.mutate(null, 'authenticate', { apiKey }, 'tokenType expiresIn')

test('a key has a prefix with its role, works, and is stored as a hash only', async () => {
  const { id } = await users.store()
  const { apiKey, secret } = await create({ role: 'ANALYST', storeId: id })
  expect(apiKey).toMatchObject({ role: 'ANALYST', store: { id } })
  expect(secret).toMatch(/^us_n_[\w-]{43}$/)
  expect(secret.startsWith(apiKey.prefix)).toBe(true)
  expect(await authenticate(secret)).toEqual({ tokenType: 'Bearer', expiresIn: 3_600 })
  expect(await authenticate(`${String(secret)}x`)).toBe('INVALID_API_KEY')
  expect(await authenticate('\0')).toBe('INVALID_API_KEY')
})

test('the key of a new store is in `secret`, as for any other key; its former field still works', async () => {
  const made = await users.mutate(users.admin, 'createStore', { name: 'Shoes' }, 'secret apiKey')
  expect(made.secret).toMatch(/^us_s_[\w-]{43}$/)
  expect(made.apiKey).toBe(made.secret)
  const { body } = await users.graphql(
    users.admin,
    '{ __type(name: "CreateStorePayload") { fields(includeDeprecated: true) { name isDeprecated } } }',
  )
  expect(body.data.__type.fields).toEqual([
    { name: 'store', isDeprecated: false },
    { name: 'secret', isDeprecated: false },
    { name: 'apiKey', isDeprecated: true },
  ])
})

test.each([
  [{ role: 'STORE' }, 'BAD_USER_INPUT'],
  [{ role: 'ADMIN', storeId: 1 }, 'BAD_USER_INPUT'],
  [{ role: 'STORE', storeId: 999 }, 'STORE_NOT_FOUND'],
  [{ role: 'ADMIN', name: ' ' }, 'BAD_USER_INPUT'],
  [{ role: 'ADMIN', expiresAt: '2020-01-01T00:00:00Z' }, 'BAD_USER_INPUT'],
])('no key is created from %j', async (input, code) => {
  expect(await create(input)).toBe(code)
})

test('a token does not outlive the key it was issued for', async () => {
  const expiresAt = new Date(Date.now() + 120_500).toISOString()
  const { secret } = await create({ role: 'ANALYST', expiresAt })
  expect((await authenticate(secret)).expiresIn).toBeLessThanOrEqual(120)
})

test('a key and its tokens work until the instant the key expires, and no longer', async () => {
  const expiresAt = new Date(Date.now() + 600_500)
  const { secret } = await create({ role: 'ANALYST', expiresAt: expiresAt.toISOString() })
  const issue = () => users.mutate(null, 'authenticate', { apiKey: secret }, 'accessToken expiresIn')
  const query = async (token: string) => {
    const { body } = await users.graphql(token, '{ stores { nodes { id } } }')
    return body.errors?.[0].extensions.code ?? 'ok'
  }
  try {
    const early = await issue()
    users.setNow(new Date(expiresAt.getTime() - 1))
    const late = await issue()
    expect(late.expiresIn).toBe(1)
    expect([await query(early.accessToken), await query(late.accessToken)]).toEqual(['ok', 'ok'])
    users.setNow(expiresAt)
    expect([await query(early.accessToken), await query(late.accessToken)]).toEqual([
      'TOKEN_EXPIRED',
      'TOKEN_EXPIRED',
    ])
    expect(await issue()).toBe('INVALID_API_KEY')
  } finally {
    users.setNow(new Date())
  }
})

test('a rotated key works until its overlap ends, and the events service knows its expiry from the beginning', async () => {
  const { apiKey, secret } = await create({ role: 'ANALYST' })
  const selection = 'apiKey { id } secret replaced { id expiresAt revokedAt }'
  const announced = users.events.next('applyKeyRevocation')
  const rotated = await users.mutate(users.admin, 'rotateApiKey', { id: apiKey.id }, selection)
  expect(rotated.replaced).toMatchObject({ id: apiKey.id, revokedAt: null })
  expect(new Date(rotated.replaced.expiresAt).getTime() - Date.now()).toBeGreaterThan(86_000_000)
  expect((await announced).input).toMatchObject({
    storeId: 0,
    keyId: apiKey.id,
    effectiveAt: rotated.replaced.expiresAt,
  })
  expect(await authenticate(secret)).toMatchObject({ tokenType: 'Bearer' })
  expect(await authenticate(rotated.secret)).toMatchObject({ tokenType: 'Bearer' })

  const command = users.events.next('applyKeyRevocation')
  const again = { id: rotated.apiKey.id, overlapSeconds: 0 }
  await users.mutate(users.admin, 'rotateApiKey', again, selection)
  expect((await command).input).toEqual({
    commandId: expect.any(Number),
    storeId: 0,
    keyId: rotated.apiKey.id,
  })
  expect(await authenticate(rotated.secret)).toBe('INVALID_API_KEY')
  expect(await users.mutate(users.admin, 'rotateApiKey', again, selection)).toBe('API_KEY_INACTIVE')
})

test('revoking answers after the events service knows; it can be repeated', async () => {
  const { id } = await users.store()
  const key = await users.key('STORE', id)
  users.events.setAway(true)
  const revoke = () => users.mutate(users.admin, 'revokeApiKey', { id: key.id }, 'apiKey { revokedAt }')
  expect(await revoke()).toBe('SERVICE_UNAVAILABLE')
  expect(await authenticate(key.secret)).toBe('INVALID_API_KEY')
  users.events.setAway(false)
  const { apiKey } = await revoke()
  expect(apiKey.revokedAt).not.toBeNull()
  expect(users.events.received.filter(({ input }) => input['keyId'] === key.id).length).toBeGreaterThan(0)
  expect(await revoke()).toEqual({ apiKey })
})

test('the log sums up which keys were rejected, without secrets', async () => {
  const { id } = await users.store()
  const key = await users.key('STORE', id)
  await users.mutate(users.admin, 'revokeApiKey', { id: key.id }, 'apiKey { id }')
  users.app.errors.flush()
  const before = users.logged().length
  for (let n = 0; n < 3; n += 1) expect(await authenticate(key.secret)).toBe('INVALID_API_KEY')
  await users.graphql(key.token, '{ users { nodes { id } } }')
  await authenticate('us_s_unknown')
  users.app.errors.flush()
  const logged = users.logged().slice(before)
  expect(logged).toContain(
    `"keyId":"${key.id}","storeId":${String(id)},"refused":{"INVALID_API_KEY":3,"KEY_REVOKED":1},"msg":"requests refused"`,
  )
  expect(logged).toContain('"caller":"anonymous","refused":{"INVALID_API_KEY":1}')
  expect(logged).not.toMatch(/us_s_|127\.0\.0\.1/)
})

test('the last admin key cannot be revoked, not even by two concurrent requests', async () => {
  const { body } = await users.graphql(users.admin, '{ apiKeys(first: 10000) { nodes { id role prefix } } }')
  const first = body.data.apiKeys.nodes.find(
    ({ prefix }: { prefix: string }) => prefix === adminKey.slice(0, 4),
  )
  const revoke = (token: string, id: string) => users.mutate(token, 'revokeApiKey', { id }, 'apiKey { id }')
  expect(await revoke(users.admin, first.id)).toBe('LAST_ADMIN_KEY')
  // A key with an expiry does not count as a successor.
  await create({ role: 'ADMIN', expiresAt: new Date(Date.now() + 3_600_000).toISOString() })
  expect(await revoke(users.admin, first.id)).toBe('LAST_ADMIN_KEY')

  const second = await users.key('ADMIN')
  const outcomes = await Promise.all([revoke(users.admin, second.id), revoke(second.token, first.id)])
  expect(outcomes.filter((outcome) => typeof outcome === 'string')).toHaveLength(1)
})
