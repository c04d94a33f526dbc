import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startUsers, type Harness } from './harness.ts'

let server: TestPostgres
let users: Harness
let store: string
let analyst: string
beforeAll(async () => {
  server = await startDatabaseServer()
  users = await startUsers(server)
  store = (await users.store()).token
  analyst = (await users.key('ANALYST')).token
})
afterAll(async () => {
  await users[Symbol.asyncDispose]()
  await server.stop()
})

const schemaQuery = '{ __schema { types { name fields { name } inputFields { name } } } _service { sdl } }'
const personal = /"(User|ApiKey|Role|CreateUserInput|email|username|firstName|phone)"|email: String/

test('introspection and SDL of an analyst contain no users, keys or personal data', async () => {
  expect(JSON.stringify((await users.graphql(store, schemaQuery)).body.data)).toMatch(personal)
  const { body } = await users.graphql(analyst, schemaQuery)
  expect(JSON.stringify(body.data)).not.toMatch(personal)
  expect(JSON.stringify(body.data)).toContain('"StoreConnection"')
})

test('suggestions for an analyst contain no withheld names', async () => {
  const responseTo = async (token: string) =>
    (await users.graphql(token, '{ usersByEmail { id } }')).body.errors[0].message
  expect(await responseTo(store)).toContain('userByEmail')
  expect(await responseTo(analyst)).not.toContain('userByEmail')
})

test('a reference to a user is invalid input for an analyst, not an internal error', async () => {
  const { body } = await users.graphql(
    analyst,
    '{ _entities(representations: [{ __typename: "User", storeId: 1, ref: "u" }]) { __typename } }',
  )
  expect(body.errors[0].extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'representations' })
})
