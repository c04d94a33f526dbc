import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { startDatabaseServer, startEvents, type Harness } from './harness.ts'

let server: TestPostgres
let events: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
  events = await startEvents(server)
  await events.introduce(1)
  await events.send('POST', '/api/event', events.store(1), { type: 'seen', user_id: 'u', data: {} })
})
afterAll(async () => {
  await events[Symbol.asyncDispose]()
  await server.stop()
})

const schemaQuery = '{ __schema { types { name fields { name } inputFields { name } } } _service { sdl } }'

test('introspection and SDL of an analyst contain no events, users or ids of users', async () => {
  const schemaOf = async (caller: ReturnType<Harness['analyst']>) =>
    JSON.stringify((await events.graphql(caller, schemaQuery)).body.data)
  const words = /"(User|Event|RollupVerification|RecordEventInput|userId|ref|data)"|type User\b|userId/
  expect(await schemaOf(events.store(1))).toMatch(words)
  for (const analyst of [events.analyst(), events.analyst(1)]) {
    const { body } = await events.graphql(analyst, schemaQuery)
    expect(body.data.__schema.types.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['DailyAmount', 'EventSeries', 'Store']),
    )
    // A filter has conditions on `data`; that is no field of an event.
    expect((await schemaOf(analyst)).replaceAll('"data"', '')).not.toMatch(words)
  }
})

test('suggestions for an analyst contain no withheld names', async () => {
  const schemaOf = async (caller: ReturnType<Harness['analyst']>) =>
    (await events.graphql(caller, '{ event { id } }')).body.errors[0].message
  expect(await schemaOf(events.store(1))).toContain('"events"')
  expect(await schemaOf(events.analyst())).not.toContain('"events"')
})

test.each([
  ['User', 'storeId: 1, ref: "u"'],
  ['Event', 'id: 1'],
  ['Nothing', ''],
])('a reference to %s is invalid input for an analyst, not an internal error', async (type, key) => {
  const { body } = await events.graphql(
    events.analyst(),
    `{ _entities(representations: [{ __typename: "${type}", ${key} }]) { __typename } }`,
  )
  expect(body.errors[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT', field: 'representations' } })
})

test('an operation that a store has sent before is still unknown to an analyst', async () => {
  const query = 'query Raw { events(storeId: 1) { nodes { userId } } }'
  const store = events.store(1)
  for (let time = 0; time < 3; time += 1)
    expect((await events.graphql(store, query)).body.data.events.nodes).toEqual([{ userId: 'u' }])
  for (let time = 0; time < 3; time += 1)
    expect((await events.graphql(events.analyst(1), query)).body.errors[0].extensions.code).toBe(
      'GRAPHQL_VALIDATION_FAILED',
    )
})
