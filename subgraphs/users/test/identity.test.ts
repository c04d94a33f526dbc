import { createSecretKey, generateKeyPairSync, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import jwt from 'jsonwebtoken'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { tokenAudience, tokenIssuer } from '@user-stats/core'
import { createPerson, startDatabaseServer, startUsers, type Harness } from './harness.ts'

let server: TestPostgres
let users: Harness
/** Tokens by holder; `own` is the store that the user belongs to. */
const tokens: Record<string, string | null> = { anonymous: null }
let own: { id: number; token: string }
let user: { id: string; email: string }

beforeAll(async () => {
  server = await startDatabaseServer()
  users = await startUsers(server)
  own = await users.store('Own')
  const person = createPerson()
  const created = await users.mutate(own.token, 'createUser', person, 'user { id }')
  user = { id: created.user.id, email: person.email }
  const blocked = await users.store()
  await users.mutate(users.admin, 'blockStore', { id: blocked.id }, 'store { id }')
  const revoked = await users.key('ADMIN')
  await users.mutate(users.admin, 'revokeApiKey', { id: revoked.id }, 'apiKey { id }')
  Object.assign(tokens, {
    own: own.token,
    other: (await users.store()).token,
    analyst: (await users.key('ANALYST')).token,
    'own analyst': (await users.key('ANALYST', own.id)).token,
    admin: users.admin,
    blocked: blocked.token,
    revoked: revoked.token,
  })
})
afterAll(async () => {
  await users[Symbol.asyncDispose]()
  await server.stop()
})

type Expected = Record<
  'anonymous' | 'own' | 'other' | 'analyst' | 'own analyst' | 'admin' | 'blocked' | 'revoked',
  string
>
const refused = {
  anonymous: 'UNAUTHENTICATED',
  // The schema for analysts has no such field or type.
  analyst: 'GRAPHQL_VALIDATION_FAILED',
  'own analyst': 'GRAPHQL_VALIDATION_FAILED',
  blocked: 'STORE_BLOCKED',
  revoked: 'KEY_REVOKED',
} as const
const adminsOnly: Expected = { ...refused, own: 'FORBIDDEN', other: 'FORBIDDEN', admin: 'ok' }
const named: Expected = { ...refused, own: 'ok', other: 'FORBIDDEN', admin: 'ok' }
const guessed = (other: string): Expected => ({ ...refused, own: 'ok', other, admin: 'ok' })

/** A request, and its result: "ok", "null", or the code of the error. */
const table: [string, () => [string, Record<string, unknown>?], Expected][] = [
  ['user', () => [`{ answer: user(id: "${user.id}") { email } }`], guessed('null')],
  [
    'exportUser',
    () => [`{ answer: exportUser(id: "${user.id}") { user { email } path } }`],
    guessed('USER_NOT_FOUND'),
  ],
  [
    'userByEmail of the store',
    () => [`{ answer: userByEmail(email: "${user.email}", storeId: ${String(own.id)}) { id } }`],
    named,
  ],
  ['users of the store', () => [`{ answer: users(storeId: ${String(own.id)}) { nodes { id } } }`], named],
  [
    'createUser in the store',
    () => [
      'mutation($input: CreateUserInput!) { answer: createUser(input: $input) { user { id } } }',
      { input: createPerson({ storeId: own.id }) },
    ],
    named,
  ],
  [
    'updateUser',
    () => [`mutation { answer: updateUser(input: { id: "${user.id}", phone: 5 }) { user { id } } }`],
    guessed('USER_NOT_FOUND'),
  ],
  [
    'deleteUser of an unknown user',
    () => [`mutation { answer: deleteUser(input: { id: "${randomUUID()}" }) { deletedUserId } }`],
    { ...refused, own: 'USER_NOT_FOUND', other: 'USER_NOT_FOUND', admin: 'USER_NOT_FOUND' },
  ],
  [
    'eraseUser of an unknown user',
    () => ['mutation { answer: eraseUser(input: { id: "no-uuid" }) { eventsDeleted } }'],
    { ...refused, own: 'USER_NOT_FOUND', other: 'USER_NOT_FOUND', admin: 'USER_NOT_FOUND' },
  ],
  [
    'deleteStoreUsers of another store',
    () => ['mutation { answer: deleteStoreUsers(input: { storeId: 999 }) { deletedCount } }'],
    { ...refused, own: 'FORBIDDEN', other: 'FORBIDDEN', admin: 'STORE_NOT_FOUND' },
  ],
  [
    'store',
    () => [`{ answer: store(id: ${String(own.id)}) { name } }`],
    { ...adminsOnly, analyst: 'ok', 'own analyst': 'ok' },
  ],
  [
    'stores',
    () => ['{ answer: stores { nodes { id } } }'],
    { ...adminsOnly, analyst: 'ok', 'own analyst': 'ok' },
  ],
  ['auditLog', () => ['{ answer: auditLog { nodes { id } } }'], adminsOnly],
  ['apiKeys', () => ['{ answer: apiKeys { nodes { id } } }'], adminsOnly],
  [
    'createApiKey',
    () => ['mutation { answer: createApiKey(input: { role: ADMIN, name: "k" }) { apiKey { id } } }'],
    adminsOnly,
  ],
  [
    'createStore',
    () => ['mutation { answer: createStore(input: { name: "s" }) { store { id } } }'],
    adminsOnly,
  ],
  [
    'blockStore of none',
    () => ['mutation { answer: blockStore(input: { id: 999 }) { store { id } } }'],
    { ...adminsOnly, admin: 'STORE_NOT_FOUND' },
  ],
  [
    'deleteStore of none',
    () => ['mutation { answer: deleteStore(input: { id: 999 }) { usersDeleted } }'],
    { ...adminsOnly, admin: 'STORE_NOT_FOUND' },
  ],
  [
    'the user as an entity',
    () => [
      'query($r: [_Any!]!) { answer: _entities(representations: $r) { ... on User { email } } }',
      { r: [{ __typename: 'User', storeId: own.id, ref: user.id }] },
    ],
    named,
  ],
  [
    'the store as an entity',
    () => [
      'query($r: [_Any!]!) { answer: _entities(representations: $r) { ... on Store { name } } }',
      { r: [{ __typename: 'Store', id: own.id }] },
    ],
    { ...named, analyst: 'ok', 'own analyst': 'ok' },
  ],
]

test.each(table)('who may query %s', async (_what, request, expected) => {
  const outcomes: Record<string, string> = {}
  for (const who of Object.keys(expected)) {
    const { body } = await users.graphql(tokens[who] ?? null, ...request())
    const [error] = body.errors ?? []
    outcomes[who] = error?.extensions.code ?? (body.data.answer === null ? 'null' : 'ok')
  }
  expect(outcomes).toEqual(expected)
})

test('an analyst of one store sees that store only', async () => {
  const { body } = await users.graphql(
    tokens['own analyst'] ?? null,
    '{ stores { nodes { id } } store(id: 2) { id } }',
  )
  expect(body.data).toEqual({ stores: { nodes: [{ id: own.id }] }, store: null })
})

const rest: [string, () => [string, string, unknown?], Record<string, number>][] = [
  [
    'GET /api/user/<email>',
    () => ['GET', `/api/user/${user.email}?store_id=${String(own.id)}`],
    { anonymous: 401, own: 200, other: 403, analyst: 403, admin: 200, blocked: 403, revoked: 401 },
  ],
  [
    'PATCH /api/user',
    () => ['PATCH', '/api/user', { email: user.email, phone: 6 }],
    { anonymous: 401, own: 201, other: 404, analyst: 403, admin: 422, blocked: 403, revoked: 401 },
  ],
  [
    'DELETE /api/user/<id>',
    () => ['DELETE', `/api/user/${randomUUID()}`],
    { anonymous: 401, own: 404, other: 404, analyst: 403, admin: 404, blocked: 403, revoked: 401 },
  ],
  [
    'DELETE /api/user/by-store/<other>',
    () => ['DELETE', '/api/user/by-store/999'],
    { anonymous: 401, own: 403, other: 403, analyst: 403, admin: 404, blocked: 403, revoked: 401 },
  ],
]

test.each(rest)('who may %s', async (_what, request, expected) => {
  const outcomes: Record<string, number> = {}
  for (const who of Object.keys(expected)) {
    const [method, path, body] = request()
    outcomes[who] = (await users.send(method, path, tokens[who], body)).status
  }
  expect(outcomes).toEqual(expected)
})

test('a token expires with its lifetime and with the overlap of its rotated key', async () => {
  const { token, key } = await users.store()
  const query = async () => {
    const { body } = await users.graphql(token, '{ users { nodes { id } } }')
    return body.errors?.[0].extensions.code ?? 'ok'
  }
  const { body } = await users.graphql(users.admin, '{ apiKeys(first: 10000) { nodes { id prefix } } }')
  const { id } = body.data.apiKeys.nodes.find(({ prefix }: { prefix: string }) => key.startsWith(prefix))
  await users.mutate(users.admin, 'rotateApiKey', { id, overlapSeconds: 600 }, 'secret')
  expect(await query()).toBe('ok')
  users.setNow(new Date(Date.now() + 601_000))
  expect(await query()).toBe('KEY_REVOKED')
  expect(await users.mutate(null, 'authenticate', { apiKey: key }, 'accessToken')).toBe('INVALID_API_KEY')
  users.setNow(new Date(Date.now() + 3_610_000))
  expect(await query()).toBe('TOKEN_EXPIRED')
  users.setNow(new Date())
})

test('forged tokens are refused, over GraphQL and REST', async () => {
  const { keys } = (await users.send('GET', '/.well-known/jwks.json')).body
  const { kid, n } = keys[0]
  const { rows } = await users.owner.query<{ public_key: string }>('SELECT public_key FROM signing_keys')
  const foreignKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const claims = { sub: randomUUID(), role: 'ADMIN', jti: randomUUID() }
  const options = { issuer: tokenIssuer, audience: tokenAudience, expiresIn: 60, keyid: kid }
  const forged = {
    none: jwt.sign(claims, '', { ...options, algorithm: 'none' }),
    'HMAC with the public key': jwt.sign(claims, createSecretKey(Buffer.from(rows[0]?.public_key ?? '')), {
      ...options,
      algorithm: 'HS256',
    }),
    'HMAC with the modulus': jwt.sign(claims, createSecretKey(Buffer.from(n)), {
      ...options,
      algorithm: 'HS256',
    }),
    'a foreign key': jwt.sign(claims, foreignKey, { ...options, algorithm: 'RS256' }),
    'an unknown kid': jwt.sign(claims, foreignKey, { ...options, algorithm: 'RS256', keyid: 'unknown' }),
    truncated: users.admin.slice(0, -8),
    'no token': 'x',
    huge: 'x'.repeat(8_000),
  }
  for (const token of Object.values(forged)) {
    const graph = await users.graphql(token, '{ stores { nodes { id } } }')
    expect([graph.status, graph.body.errors[0].extensions.code]).toEqual([401, 'TOKEN_INVALID'])
    const answer = await users.send('GET', '/api/user/a@b.c', token)
    expect([answer.status, answer.body.code]).toEqual([401, 'TOKEN_INVALID'])
  }
})

test('the key set is public and holds no private part', async () => {
  const answer = await users.send('GET', '/.well-known/jwks.json')
  expect(answer.headers.get('cache-control')).toBe('public, max-age=60')
  expect(answer.body.keys.map((key: object) => Object.keys(key).sort())).toEqual([
    ['alg', 'e', 'kid', 'kty', 'n', 'use'],
  ])
})
