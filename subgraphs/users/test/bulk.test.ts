import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startUsers, type Harness } from './harness.ts'

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

const post = (token: string | null, body: unknown, type = 'application/json') =>
  users.send('POST', '/api/users', token, body, { 'content-type': type })

test('an address is enough; each user has an id or a fault of its own, by line', async () => {
  const { id, token } = await users.store()
  const lines = [
    { email: 'a@example.org' },
    { email: ' A@example.org ' },
    { email: 'b@example.org', username: 'b', first_name: 'B', last_name: 'C', phone: 5, external_id: 'x 7' },
    { email: 'c@example.org', external_id: 'x 7' },
    { email: 'none', phone: 0, firstName: 'C' },
    { email: 'd@example.org', username: ' ', external_id: '\0' },
    { email: 'e@example.org', store_id: id + 1 },
    [],
  ]
  const body = `${lines.map((line) => JSON.stringify(line)).join('\n')}\nnonsense\n`
  const { status, body: report } = await post(token, body, 'application/x-ndjson')
  expect(status).toBe(200)
  expect(report).toMatchObject({ created: 2, rejected: 7 })
  expect(report.users.map(({ line }: { line: number }) => line)).toEqual([1, 3])
  expect(report.errors.map((error: any) => [error.line, error.code, error.field])).toEqual([
    [2, 'EMAIL_TAKEN', 'email'],
    [4, 'EXTERNAL_ID_TAKEN', 'external_id'],
    [5, 'BAD_USER_INPUT', 'email'],
    [6, 'BAD_USER_INPUT', 'username'],
    [7, 'FORBIDDEN', null],
    [8, 'BAD_USER_INPUT', null],
    [9, 'BAD_REQUEST', null],
  ])
  const faults = (line: number) =>
    report.errors
      .find((error: any) => error.line === line)
      .message.split('; ')
      .map((fault: string) => fault.split(':')[0])
  expect(faults(5)).toEqual(['email', 'phone', 'firstName'])
  expect(faults(6)).toEqual(['username', 'external_id'])
  const { body: found } = await users.graphql(
    token,
    '{ userByExternalId(externalId: "x 7") { id email username firstName lastName phone } }',
  )
  expect(found.data.userByExternalId).toEqual({
    id: report.users[1].id,
    email: 'b@example.org',
    username: 'b',
    firstName: 'B',
    lastName: 'C',
    phone: 5,
  })
})

test('a JSON array of ten thousand users is accepted; of a larger one the first ten thousand', async () => {
  const { token } = await users.store()
  const many = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) => ({ email: `n${String(from + n)}@example.org` }))
  const first = await post(token, many(0, 300))
  expect([first.status, first.body.created]).toEqual([200, 300])
  // Mostly refused before anything is written, so that this is fast.
  const junk = [...many(300, 10), ...Array.from({ length: 9_990 }, () => 7)]
  const taken = await post(token, junk)
  expect([taken.status, taken.body.created, taken.body.rejected]).toEqual([200, 10, 9_990])
  const { status, body } = await post(token, [...many(310, 10), ...junk])
  expect([status, body.code, body.created, body.rejected]).toEqual([413, 'PAYLOAD_TOO_LARGE', 10, 9_990])
  expect((await post(token, [])).body).toEqual({ created: 0, users: [], rejected: 0, errors: [] })
})

test('a caller without access is refused as a whole', async () => {
  const { id, token } = await users.store()
  const analyst = await users.key('ANALYST', id)
  await users.mutate(users.admin, 'blockStore', { id }, 'store { id }')
  for (const body of ['[{"email":"a@example.org"}]', '[]', '[1]', 'nonsense']) {
    expect((await post(null, body)).status).toBe(401)
    expect((await post(analyst.token, body)).status).toBe(403)
    const blocked = await post(token, body)
    expect([blocked.status, blocked.body.code]).toEqual([403, 'STORE_BLOCKED'])
  }
})
