import { createPublicKey, verify } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { createPerson, startDatabaseServer, startUsers, type Harness } from './harness.ts'

let server: TestPostgres
let users: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  // Only commands of the test itself are delivered.
  users = await startUsers(server, { relay: { interval: 3_600_000, maxInterval: 3_600_000 } })
})
beforeEach(() => {
  users.events.setAway(false)
  users.events.setDeletes(0)
  users.events.setSteps(1)
  users.events.refuse()
})
afterAll(async () => {
  await users[Symbol.asyncDispose]()
  await server.stop()
})

const register = async (token: string, person = createPerson()): Promise<string> =>
  (await users.mutate(token, 'createUser', person, 'user { id }')).user.id
const fields =
  'id storeId subject subjectId events state progress usersDeleted eventsTotal eventsDeleted eventsAnonymised finishedAt failedAttempts lastError receipt'
const erase = (token: string, id: string, more: Record<string, unknown> = {}) =>
  users.mutate(token, 'eraseUser', { id, ...more }, `eventsDeleted eventsAnonymised erasure { ${fields} }`)
const eraseVisitor = (token: string, input: Record<string, unknown>) =>
  users.mutate(token, 'eraseVisitor', input, `eventsDeleted erasure { ${fields} }`)
const list = async (token: string, filter = '') => {
  const { body } = await users.graphql(
    token,
    `{ erasures${filter} { nodes { ${fields} } pageInfo { endCursor hasNextPage } } }`,
  )
  return body.data?.erasures ?? body.errors[0].extensions.code
}
const received = (storeId: number) =>
  users.events.received.filter(
    ({ field, input }) => field === 'applyUserErasure' && input['storeId'] === storeId,
  )

/** Verifies a receipt with the published keys, as any client can. */
async function read(receipt: string) {
  const { body } = await users.send('GET', '/.well-known/erasure-receipt-keys.json')
  const [head = '', payload = '', signature = ''] = receipt.split('.')
  const header = JSON.parse(Buffer.from(head, 'base64url').toString())
  const jwk = body.keys.find(({ kid }: { kid: string }) => kid === header.kid)
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  const signed = verify(
    'sha256',
    Buffer.from(`${head}.${payload}`),
    { key, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  )
  expect(signed).toBe(true)
  return { header, claims: JSON.parse(Buffer.from(payload, 'base64url').toString()) }
}

test('personal data and its key are deleted at once, events in steps, and a receipt is issued', async () => {
  const { id: storeId, token } = await users.store()
  const person = createPerson()
  const id = await register(token, person)
  users.events.setAway(true)
  expect(await erase(token, id)).toBe('SERVICE_UNAVAILABLE')
  for (const [table, column] of [
    ['users', 'id'],
    ['user_keys', 'user_id'],
  ])
    expect(
      (await users.owner.query(`SELECT FROM ${String(table)} WHERE ${String(column)} = $1`, [id])).rows,
    ).toEqual([])
  const [waiting] = (await list(token)).nodes
  expect(waiting).toMatchObject({
    state: 'RUNNING',
    subject: 'USER',
    subjectId: id,
    progress: 0,
    usersDeleted: 1,
    eventsTotal: null,
    receipt: null,
    failedAttempts: 1,
    lastError: 'DATABASE_UNAVAILABLE',
  })

  users.events.setAway(false)
  users.events.setDeletes(10)
  users.events.setSteps(3)
  const done = await erase(token, id)
  expect(done).toMatchObject({
    eventsDeleted: 10,
    eventsAnonymised: 0,
    erasure: { id: waiting.id, state: 'DONE', progress: 1, eventsTotal: 10 },
  })
  expect(received(storeId)).toHaveLength(3)
  expect(await erase(token, id)).toBe('USER_NOT_FOUND')

  const { header, claims } = await read(done.erasure.receipt)
  expect(header).toEqual({ alg: 'ES256', typ: 'erasure-receipt+jws', kid: expect.any(String) })
  expect(claims).toEqual({
    iss: 'user-statistics/erasure',
    jti: waiting.id,
    iat: Math.floor(Date.parse(done.erasure.finishedAt) / 1_000),
    store_id: storeId,
    subject: { kind: 'USER', id },
    events: 'ERASE',
    requested_at: expect.any(String),
    finished_at: done.erasure.finishedAt,
    erased: [
      { database: 'users', table: 'user_keys', rows: 1 },
      { database: 'users', table: 'users', rows: 1 },
      { database: 'events', table: 'events', rows: 10 },
    ],
    events_anonymised: 0,
  })
  // The same address again is a new user.
  expect(await register(token, person)).not.toBe(id)
})

test('events can be kept under a pseudonym', async () => {
  const { token } = await users.store()
  users.events.setDeletes(7)
  const answer = await erase(token, await register(token), { events: 'ANONYMISE' })
  expect(answer).toMatchObject({
    eventsDeleted: 0,
    eventsAnonymised: 7,
    erasure: { events: 'ANONYMISE', eventsAnonymised: 7 },
  })
  expect((await read(answer.erasure.receipt)).claims).toMatchObject({
    events: 'ANONYMISE',
    events_anonymised: 7,
  })
})

test('a request for an erasure waits for a limited time; the erasure continues, and its result is returned once', async () => {
  await using hasty = await startUsers(server, { maxErasureWait: 0 })
  const { token } = await hasty.store()
  const { user } = await hasty.mutate(token, 'createUser', createPerson(), 'user { id }')
  hasty.events.setDeletes(5)
  hasty.events.setSteps(3)
  const send = () =>
    hasty.graphql(token, `mutation { eraseUser(input: { id: "${String(user.id)}" }) { eventsDeleted } }`)
  const first = await send()
  expect([first.status, first.headers.get('retry-after')]).toEqual([503, '5'])
  expect(first.body.errors[0].message).toMatch(/^The erasure continues\. .*erasure\(id: "[\da-f-]{36}"\)/)
  let answer = await send()
  while (answer.status === 503) answer = await send()
  expect(answer.body.data.eraseUser).toEqual({ eventsDeleted: 5 })
  expect((await send()).body.errors[0].extensions.code).toBe('USER_NOT_FOUND')
})

test('a visitor is erased by the id of the store, and the receipt does not contain it', async () => {
  const { id: storeId, token } = await users.store()
  const userId = 'Visitor <jane@example.org> ü'
  users.events.setDeletes(2)
  const { eventsDeleted, erasure } = await eraseVisitor(token, { userId })
  expect(eventsDeleted).toBe(2)
  expect(erasure).toMatchObject({ subject: 'VISITOR', subjectId: userId, usersDeleted: 0 })
  expect(received(storeId)).toMatchObject([{ input: { userId, events: 'ERASE' } }])
  const { claims } = await read(erasure.receipt)
  expect(claims.subject).toEqual({ kind: 'VISITOR', hmac: expect.stringMatching(/^[\w-]{43}$/) })
  expect(JSON.stringify(claims)).not.toContain('jane')
  expect(await eraseVisitor(token, { userId })).toBe('USER_NOT_FOUND')
  expect((await list(token, `(subjectId: ${JSON.stringify(userId)})`)).nodes).toEqual([erasure])

  const id = await register(token)
  expect(await eraseVisitor(token, { userId: id })).toBe('BAD_USER_INPUT')
  for (const wrong of ['', 'x'.repeat(129), 'a\0b'])
    expect(await eraseVisitor(token, { userId: wrong })).toBe('BAD_USER_INPUT')
  // After personal data is deleted only the events remain to be erased.
  expect(await users.mutate(token, 'deleteUser', { id }, 'deletedUserId')).toEqual({ deletedUserId: id })
  expect(await erase(token, id)).toBe('USER_NOT_FOUND')
  expect(await eraseVisitor(token, { userId: id })).toMatchObject({ eventsDeleted: 2 })
  expect((await list(token, `(subjectId: "${id}")`)).nodes).toMatchObject([
    { subject: 'VISITOR', events: 'ERASE' },
    { subject: 'USER', events: 'KEEP', usersDeleted: 1, receipt: null },
  ])
})

test('a deleted store leaves a record with a receipt, for admins', async () => {
  const { id, token } = await users.store()
  for (let n = 0; n < 3; n += 1) await register(token)
  users.events.setDeletes(9)
  users.events.setSteps(2)
  const { erasure } = await users.mutate(users.admin, 'deleteStore', { id }, `erasure { ${fields} }`)
  expect(erasure).toMatchObject({ subject: 'STORE', subjectId: null, usersDeleted: 3, eventsDeleted: 9 })
  expect((await read(erasure.receipt)).claims).toMatchObject({
    store_id: id,
    subject: { kind: 'STORE' },
    erased: [
      { database: 'users', table: 'api_keys', rows: 1 },
      { database: 'users', table: 'stores', rows: 1 },
      { database: 'users', table: 'user_keys', rows: 3 },
      { database: 'users', table: 'users', rows: 3 },
      { database: 'events', table: 'events', rows: 9 },
    ],
  })
  expect((await list(users.admin, `(storeId: ${String(id)})`)).nodes).toEqual([erasure])
})

test('the personal data of all users of a store leaves a record of each', async () => {
  const { id: storeId, token } = await users.store()
  const ids = [await register(token), await register(token)]
  await users.mutate(token, 'deleteStoreUsers', { storeId }, 'deletedCount')
  const { nodes } = await list(token)
  expect(nodes.map(({ subjectId, events }: Record<string, string>) => [subjectId, events]).sort()).toEqual(
    ids.map((id) => [id, 'KEEP']).sort(),
  )
})

test('erasures are shown to their store and to admins, a page at a time, and to no other caller', async () => {
  const own = await users.store()
  const other = await users.store()
  const analyst = await users.key('ANALYST', own.id)
  for (let n = 0; n < 3; n += 1) await eraseVisitor(own.token, { userId: `visitor ${String(n)}` })
  const first = await list(own.token, '(first: 2)')
  expect(first.nodes.map(({ subjectId }: { subjectId: string }) => subjectId)).toEqual([
    'visitor 2',
    'visitor 1',
  ])
  const rest = await list(own.token, `(first: 2, after: "${String(first.pageInfo.endCursor)}")`)
  expect(rest.nodes.map(({ subjectId }: { subjectId: string }) => subjectId)).toEqual(['visitor 0'])
  const id = String(first.nodes[0].id)
  const query = async (token: string | null) => {
    const { body } = await users.graphql(token, `{ erasure(id: "${id}") { id } }`)
    return body.errors?.[0].extensions.code ?? body.data.erasure
  }
  expect(await query(own.token)).toEqual({ id })
  expect(await query(users.admin)).toEqual({ id })
  expect(await query(other.token)).toBeNull()
  // The schema for analysts does not have it.
  expect(await query(analyst.token)).toBe('GRAPHQL_VALIDATION_FAILED')
  expect(await query(null)).toBe('UNAUTHENTICATED')
  expect(await list(other.token)).toMatchObject({ nodes: [] })
  expect(await list(other.token, `(storeId: ${String(own.id)})`)).toBe('FORBIDDEN')
  expect(await list(analyst.token)).toBe('GRAPHQL_VALIDATION_FAILED')
  expect((await list(users.admin, `(storeId: ${String(own.id)}, state: DONE)`)).nodes).toHaveLength(3)
  expect(await eraseVisitor(analyst.token, { userId: 'x' })).toBe('GRAPHQL_VALIDATION_FAILED')
  expect(await eraseVisitor(other.token, { userId: 'x', storeId: own.id })).toBe('FORBIDDEN')
  expect(await eraseVisitor(users.admin, { userId: 'x' })).toBe('BAD_USER_INPUT')
})

test('neither a receipt nor its key can be used as an access token', async () => {
  const { token } = await users.store()
  const { erasure } = await eraseVisitor(token, { userId: 'visitor' })
  const { body } = await users.graphql(erasure.receipt, '{ erasures { nodes { id } } }')
  expect(body.errors[0].extensions.code).toBe('TOKEN_INVALID')
  const kids = async (path: string) =>
    (await users.send('GET', path)).body.keys.map(({ kid }: { kid: string }) => kid)
  const tokenKeys = await kids('/.well-known/jwks.json')
  const receiptKeys = await kids('/.well-known/erasure-receipt-keys.json')
  expect([tokenKeys.length, receiptKeys.length]).toEqual([1, 1])
  expect(tokenKeys).not.toEqual(receiptKeys)
})

test('a retired receipt key stays published', async () => {
  await users.owner.query('UPDATE receipt_keys SET retired_at = now()')
  const { body } = await users.send('GET', '/.well-known/erasure-receipt-keys.json')
  expect(body.keys).toHaveLength(1)
  await users.owner.query('UPDATE receipt_keys SET retired_at = NULL')
})

test('a command that is rejected repeatedly is overtaken by later ones of its store, and listed for admins', async () => {
  const { id: storeId, token } = await users.store()
  users.events.refuse('applyUserErasure')
  const first = await register(token)
  const second = await register(token)
  for (let n = 0; n < 9; n += 1) expect(await erase(token, first)).toBe('SERVICE_UNAVAILABLE')
  // Access is another queue: it does not wait.
  expect(await users.mutate(users.admin, 'blockStore', { id: storeId }, 'store { isActive }')).toEqual({
    store: { isActive: false },
  })
  await users.mutate(users.admin, 'unblockStore', { id: storeId }, 'store { id }')
  expect(await erase(token, second)).toBe('SERVICE_UNAVAILABLE')
  const waiting = async (more = '') =>
    (
      await users.graphql(
        users.admin,
        `{ undeliveredCommands(first: 100${more}) { nodes { id storeId kind failedAttempts refusals lastError setAsideUntil } } }`,
      )
    ).body.data.undeliveredCommands.nodes.filter((node: { storeId: number }) => node.storeId === storeId)
  expect(await waiting()).toMatchObject([
    { kind: 'ERASE_USER', refusals: 10, lastError: 'BAD_USER_INPUT', setAsideUntil: expect.any(String) },
    { kind: 'ERASE_USER', refusals: 0, setAsideUntil: null },
  ])
  users.events.refuse()
  expect(await erase(token, second)).toMatchObject({ erasure: { state: 'DONE' } })
  const [aside, ...others] = await waiting(', setAside: true')
  expect(others).toEqual([])
  expect(await users.mutate(token, 'retryCommand', { id: aside.id }, 'command { id }')).toBe('FORBIDDEN')
  expect(await users.mutate(users.admin, 'retryCommand', { id: aside.id }, 'command { id }')).toEqual({
    command: null,
  })
  expect(await users.mutate(users.admin, 'retryCommand', { id: aside.id }, 'command { id }')).toBe(
    'NOT_FOUND',
  )
  // Finished meanwhile, its result is still returned once.
  expect(await erase(token, first)).toMatchObject({ erasure: { state: 'DONE', failedAttempts: 10 } })
  expect(await waiting()).toEqual([])
})
