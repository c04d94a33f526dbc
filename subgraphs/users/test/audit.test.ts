import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { GraphQLEnumType } from 'graphql'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { auditActions } from '@user-stats/audit-log'
import { createSchemas } from '../src/schema.ts'
import { createPerson, startDatabaseServer, startUsers, type Harness } from './harness.ts'

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

interface Entry {
  readonly id: string
  readonly at: string
  readonly requestId: string
  readonly actor: { readonly role: string; readonly keyId: string | null; readonly storeId: number | null }
  readonly action: string
  readonly storeId: number | null
  readonly recordIds: readonly string[]
  readonly recordCount: number
  readonly fields: readonly string[]
}

const selection = `nodes { id at requestId actor { role keyId storeId } action storeId recordIds recordCount fields }
  pageInfo { endCursor hasNextPage }`

async function log(filter: string): Promise<{ nodes: Entry[]; pageInfo: any }> {
  const { body } = await users.graphql(users.admin, `{ auditLog${filter} { ${selection} } }`)
  return body.data?.auditLog ?? body.errors[0].extensions
}

/** Sends an operation under a request id and answers the entries it made, oldest first. */
async function entriesOf(requestId: string, token: string, query: string): Promise<Entry[]> {
  const { status } = await users.send('POST', '/graphql', token, { query }, { 'x-request-id': requestId })
  expect(status).toBe(200)
  return await writtenBy(requestId)
}
const writtenBy = async (requestId: string): Promise<Entry[]> =>
  (await log('(first: 1000)')).nodes.filter((entry) => entry.requestId === requestId).toReversed()

const register = async (token: string, person = createPerson()): Promise<string> =>
  (await users.mutate(token, 'createUser', person, 'user { id }')).user.id

test('changes of a user by a store are recorded with actor, action, user, time and request', async () => {
  const { id: storeId, token } = await users.store()
  const [key] = (
    await users.graphql(users.admin, `{ apiKeys(storeId: ${String(storeId)}) { nodes { id } } }`)
  ).body.data.apiKeys.nodes
  const { email, username } = createPerson()
  const make = `mutation { createUser(input: { email: "${email}", username: "${username}", firstName: "J", lastName: "D", phone: 1 }) { user { id } } }`
  const before = Date.now()
  const [created] = await entriesOf('make', token, make)
  const id = created?.recordIds[0] ?? ''
  expect(created).toEqual({
    id: expect.any(String),
    at: expect.any(String),
    requestId: 'make',
    actor: { role: 'STORE', keyId: key.id, storeId },
    action: 'USER_CREATED',
    storeId,
    recordIds: [expect.stringMatching(/^[\da-f-]{36}$/)],
    recordCount: 1,
    fields: [],
  })
  expect(Date.parse(created?.at ?? '')).toBeGreaterThanOrEqual(before)
  expect(
    await entriesOf(
      'change',
      token,
      `mutation { updateUser(input: { id: "${id}", phone: 2, lastName: "E" }) { user { id } } }`,
    ),
  ).toMatchObject([{ action: 'USER_UPDATED', storeId, recordIds: [id], fields: ['lastName', 'phone'] }])
  expect(
    await entriesOf('delete', token, `mutation { deleteUser(input: { id: "${id}" }) { deletedUserId } }`),
  ).toMatchObject([{ action: 'USER_DELETED', storeId, recordIds: [id] }])
  const other = await register(token)
  expect(
    await entriesOf('erase', token, `mutation { eraseUser(input: { id: "${other}" }) { erasedUserId } }`),
  ).toMatchObject([{ action: 'USER_ERASED', storeId, recordIds: [other] }])
  await register(token)
  await register(token)
  const empty = `mutation { deleteStoreUsers(input: { storeId: ${String(storeId)} }) { deletedCount } }`
  expect(await entriesOf('empty', token, empty)).toMatchObject([
    { action: 'STORE_USERS_DELETED', storeId, recordIds: [], recordCount: 2 },
  ])
})

test('changes of stores and keys by admins are recorded', async () => {
  const make = await entriesOf(
    'store',
    users.admin,
    'mutation { createStore(input: { name: "s" }) { store { id } } }',
  )
  const storeId = make[0]?.storeId ?? 0
  const keyId = make[1]?.recordIds[0] ?? ''
  expect(make).toMatchObject([
    { action: 'STORE_CREATED', recordIds: [String(storeId)], actor: { role: 'ADMIN', storeId: null } },
    { action: 'API_KEY_CREATED', storeId },
  ])
  const id = String(storeId)
  const steps: [string, string, object[]][] = [
    [
      'updateStore',
      `updateStore(input: { id: ${id}, retentionDays: 9 }) { store { id } }`,
      [{ action: 'STORE_UPDATED', recordIds: [id], fields: ['retentionDays'] }],
    ],
    [
      'openPaths',
      `updateStore(input: { id: ${id}, analystDataPaths: ["$.price"] }) { store { id } }`,
      [{ action: 'STORE_UPDATED', recordIds: [id], fields: ['analystDataPaths'] }],
    ],
    ['block', `blockStore(input: { id: ${id} }) { store { id } }`, [{ action: 'STORE_BLOCKED' }]],
    ['block-again', `blockStore(input: { id: ${id} }) { store { id } }`, []],
    ['unblock', `unblockStore(input: { id: ${id} }) { store { id } }`, [{ action: 'STORE_UNBLOCKED' }]],
    [
      'key',
      `createApiKey(input: { role: ANALYST, storeId: ${id}, name: "k" }) { apiKey { id } }`,
      [{ action: 'API_KEY_CREATED', storeId }],
    ],
    [
      'rotate',
      `rotateApiKey(input: { id: "${keyId}" }) { apiKey { id } }`,
      [{ action: 'API_KEY_ROTATED', storeId, recordIds: [expect.any(String), keyId] }],
    ],
    [
      'revoke',
      `revokeApiKey(input: { id: "${keyId}" }) { apiKey { id } }`,
      [{ action: 'API_KEY_REVOKED', storeId, recordIds: [keyId] }],
    ],
    [
      'delete-store',
      `deleteStore(input: { id: ${id} }) { deletedStoreId }`,
      [{ action: 'STORE_DELETED', storeId, recordIds: [id] }],
    ],
  ]
  for (const [requestId, mutation, entries] of steps)
    expect([requestId, await entriesOf(requestId, users.admin, `mutation { ${mutation} }`)]).toEqual([
      requestId,
      entries.map((entry) => expect.objectContaining(entry)),
    ])
  // The first admin key was made by the start itself.
  expect((await log('(actions: [API_KEY_CREATED], first: 1000)')).nodes.at(-1)).toMatchObject({
    requestId: 'start',
    actor: { role: 'OPERATOR', keyId: null },
    storeId: null,
  })
})

test('failed actions are not recorded', async () => {
  const { token } = await users.store()
  const person = createPerson()
  await register(token, person)
  const again = `mutation { createUser(input: { email: "${person.email}", username: "x", firstName: "J", lastName: "D", phone: 1 }) { user { id } } }`
  expect(await entriesOf('taken', token, again)).toEqual([])
})

test('reads of users by an admin are recorded before the response, once per request and store', async () => {
  const [one, other] = [await users.store(), await users.store()]
  const person = createPerson()
  const [a, b, c] = [
    await register(one.token, person),
    await register(one.token),
    await register(other.token),
  ]
  const storeId = one.id
  const read = { action: 'USERS_READ', actor: expect.objectContaining({ role: 'ADMIN' }) }
  const page = `{ users(storeId: ${String(storeId)}) { nodes { email phone } } }`
  expect(await entriesOf('page', users.admin, page)).toMatchObject([
    { ...read, storeId, recordIds: [a, b], recordCount: 2 },
  ])
  expect(await entriesOf('one', users.admin, `{ user(id: "${c}") { email } }`)).toMatchObject([
    { ...read, storeId: other.id, recordIds: [c] },
  ])
  const byEmail = `{ userByEmail(email: "${person.email}", storeId: ${String(storeId)}) { username } }`
  expect(await entriesOf('e-mail', users.admin, byEmail)).toMatchObject([
    { ...read, storeId, recordIds: [a] },
  ])
  const unknown = `{ userByEmail(email: "unknown@example.org", storeId: ${String(storeId)}) { username } }`
  expect(await entriesOf('unknown', users.admin, unknown)).toMatchObject([
    { ...read, storeId, recordIds: [] },
  ])

  const representations = [
    { __typename: 'User', storeId, ref: a },
    { __typename: 'User', storeId, ref: b },
    { __typename: 'User', storeId: other.id, ref: c },
    { __typename: 'User', storeId, ref: 'a visitor' },
  ]
  await users.send(
    'POST',
    '/graphql',
    users.admin,
    {
      query: 'query($r: [_Any!]!) { _entities(representations: $r) { ... on User { email } } }',
      variables: { r: representations },
    },
    { 'x-request-id': 'entities' },
  )
  const entities = await writtenBy('entities')
  expect(entities.map(({ storeId, recordIds }) => [storeId, recordIds.toSorted()])).toEqual(
    expect.arrayContaining([
      [storeId, [a, b].toSorted()],
      [other.id, [c]],
    ]),
  )
  expect(entities).toHaveLength(2)

  const rest = `/api/user/${person.email}?store_id=${String(storeId)}`
  const answer = await users.send('GET', rest, users.admin, undefined, { 'x-request-id': 'rest' })
  expect(answer.body).toEqual({ id: a })
  expect(await writtenBy('rest')).toMatchObject([{ ...read, storeId, recordIds: [a] }])
})

test('an export is recorded for any caller, and not as a read besides', async () => {
  const { id: storeId, token } = await users.store()
  const user = await register(token)
  const query = `{ exportUser(id: "${user}") { path } }`
  const exported = { action: 'USER_EXPORTED', storeId, recordIds: [user] }
  for (const [requestId, bearer, role] of [
    ['export-store', token, 'STORE'],
    ['export-admin', users.admin, 'ADMIN'],
  ] as const)
    expect(await entriesOf(requestId, bearer, query)).toEqual([
      expect.objectContaining({ ...exported, actor: expect.objectContaining({ role }) }),
    ])
  // An unknown user is refused; that an admin searched for one is recorded.
  const { token: other } = await users.store()
  expect((await users.graphql(other, query)).body.errors[0].extensions.code).toBe('USER_NOT_FOUND')
  const unknown = query.replace(user, '00000000-0000-7000-8000-000000000000')
  await users.send('POST', '/graphql', users.admin, { query: unknown }, { 'x-request-id': 'export-unknown' })
  expect(await writtenBy('export-unknown')).toMatchObject([{ action: 'USERS_READ', recordIds: [] }])
})

test('a store that reads its own users is not recorded', async () => {
  const { id, token } = await users.store()
  const user = await register(token)
  await entriesOf('own', token, `{ user(id: "${user}") { email } users { nodes { email } } }`)
  expect((await log(`(storeId: ${String(id)}, actions: [USERS_READ])`)).nodes).toEqual([])
})

test('reads of admins and changes are refused if they cannot be recorded', async () => {
  const { id, token } = await users.store()
  const user = await register(token)
  const [{ role }] = (await users.owner.query(`SELECT '${new URL(users.database.url).username}' AS role`))
    .rows
  await users.owner.query(`REVOKE INSERT ON audit_log FROM ${role}`)
  try {
    for (const query of [
      `{ user(id: "${user}") { email } }`,
      `{ users(storeId: ${String(id)}) { nodes { email } } }`,
    ]) {
      const { body } = await users.graphql(users.admin, query)
      expect(body.errors[0].extensions).toEqual({ code: 'SERVICE_UNAVAILABLE', retryAfter: 1 })
      expect(JSON.stringify(body)).not.toContain('@example.org')
    }
    for (const bearer of [users.admin, token]) {
      const { body } = await users.graphql(bearer, `{ exportUser(id: "${user}") { user { email } } }`)
      expect(body.errors[0].extensions).toEqual({ code: 'SERVICE_UNAVAILABLE', retryAfter: 1 })
      expect(body.data).toBeNull()
    }
    const lookup = await users.send('GET', `/api/user/x@example.org?store_id=${String(id)}`, users.admin)
    expect([lookup.status, lookup.headers.get('retry-after')]).toEqual([503, '1'])

    expect(await users.mutate(token, 'deleteUser', { id: user }, 'deletedUserId')).toBe(
      'INTERNAL_SERVER_ERROR',
    )
    // The user still exists; reads by the user's store are not recorded.
    const own = await users.graphql(token, `{ user(id: "${user}") { id } }`)
    expect(own.body.data.user.id).toBe(user)
  } finally {
    await users.owner.query(`GRANT INSERT ON audit_log TO ${role}`)
  }
})

test('the log is filtered by store, key, action, record and time, and paged from the newest', async () => {
  const { id: storeId, token } = await users.store()
  const ids = [await register(token), await register(token), await register(token)]
  const admin = await users.key('ADMIN')
  await users.graphql(admin.token, `{ user(id: "${ids[1] ?? ''}") { email } }`)
  const store = `storeId: ${String(storeId)}`

  const of = async (filter: string) => (await log(`(${filter})`)).nodes.map(({ action }) => action)
  expect(await of(store)).toEqual([
    'USERS_READ',
    'USER_CREATED',
    'USER_CREATED',
    'USER_CREATED',
    'API_KEY_CREATED',
    'STORE_CREATED',
  ])
  expect(await of(`keyId: "${admin.id}"`)).toEqual(['USERS_READ'])
  expect(await of(`${store}, actions: [STORE_CREATED, USERS_READ]`)).toEqual(['USERS_READ', 'STORE_CREATED'])
  expect(await of(`recordId: "${(ids[1] ?? '').toUpperCase()}"`)).toEqual(['USERS_READ', 'USER_CREATED'])
  const { nodes } = await log(`(${store})`)
  const at = nodes[2]?.at ?? ''
  const since = (await log(`(${store}, from: "${at}")`)).nodes
  expect(since.every((entry) => entry.at >= at)).toBe(true)
  const until = (await log(`(${store}, to: "${at}")`)).nodes
  expect([...since, ...until]).toEqual(nodes)

  const paged: Entry[] = []
  for (let after = ''; ;) {
    const page = await log(`(${store}, first: 4${after})`)
    paged.push(...page.nodes)
    if (!page.pageInfo.hasNextPage) break
    after = `, after: "${page.pageInfo.endCursor}"`
  }
  expect(paged).toEqual(nodes)
})

test.each(['first: 1001', 'first: -1', 'after: "x"', 'keyId: "x"', `recordId: "${'x'.repeat(129)}"`])(
  'the log refuses %s',
  async (argument) => {
    expect(await log(`(${argument})`)).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: argument.split(':')[0],
    })
  },
)

test('no entry contains personal data or search terms', async () => {
  const { id, token } = await users.store()
  const person = createPerson({ email: 'Audrey@example.org', username: 'audrey', lastName: 'Auditor' })
  const user = await register(token, person)
  await users.send('GET', `/api/user/audrey@example.org?store_id=${String(id)}`, users.admin)
  await users.send('GET', `/api/user/sought@example.org?store_id=${String(id)}`, users.admin)
  await users.mutate(token, 'updateUser', { id: user, lastName: 'Audited' }, 'user { id }')
  const { rows } = await users.owner.query('SELECT a::text FROM audit_log a')
  expect(JSON.stringify(rows)).toContain(user)
  expect(JSON.stringify(rows)).not.toMatch(/audrey|auditor|audited|sought|example/i)
})

test('a read of more than a thousand users lists each, in entries of a thousand', async () => {
  const { id } = await users.store()
  const ids = Array.from(
    { length: 1_203 },
    (_, at) => `00000000-0000-7000-8000-${String(at).padStart(12, '0')}`,
  )
  const { recordAudit } = await import('@user-stats/audit-log')
  await recordAudit(
    async (text, values) => (await users.owner.query(text, [...values])).rows,
    { caller: { role: 'ADMIN', keyId: ids[0] ?? '' }, requestId: 'many' },
    { action: 'USERS_READ', storeId: id, recordIds: ids },
    new Date(),
  )
  const entries = await writtenBy('many')
  expect(entries.map(({ recordCount }) => recordCount)).toEqual([1_000, 203])
  expect(entries.flatMap(({ recordIds }) => recordIds)).toEqual(ids)
})

// Composition checks that both services have the same values.
test('the enum of the graph has every action', () => {
  const named = (createSchemas().everyone.getType('AuditAction') as GraphQLEnumType).getValues()
  expect(named.map(({ name }) => name)).toEqual(auditActions)
})
