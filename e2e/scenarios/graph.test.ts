import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { buildClientSchema, getIntrospectionQuery } from 'graphql'
import { auditServer } from 'graphql-http'
import { startTestStack, type TestStack } from '../support/stack.ts'
import { authenticate, call } from '../support/legacy-client.ts'

let stack: TestStack
let admin: string
let store: string
let storeId: number

const graphql = async (token: string | undefined, query: string, variables?: object) =>
  (await call(stack.urls.gateway, 'POST', '/graphql', { token, body: { query, variables } })).body

beforeAll(async () => {
  stack = await startTestStack()
  admin = await authenticate(stack.urls.gateway, stack.adminApiKey)
  const { data } = await graphql(
    admin,
    'mutation { createStore(input: { name: "Shoes" }) { secret store { id } } }',
  )
  storeId = data.createStore.store.id
  store = await authenticate(stack.urls.gateway, data.createStore.secret)
}, 120_000)
afterAll(async () => {
  await stack.stop()
}, 60_000)

test('a store can use all its features over GraphQL, and one query crosses both subgraphs', async () => {
  const created = await graphql(
    store,
    `
      mutation {
        createUser(
          input: { email: "jane@example.org", username: "jane", firstName: "Jane", lastName: "Doe", phone: 5 }
        ) {
          user {
            id
          }
        }
      }
    `,
  )
  const { id } = created.data.createUser.user
  await graphql(
    store,
    'mutation($input: RecordEventsInput!) { recordEvents(input: $input) { acceptedCount } }',
    {
      input: {
        events: [1, 2, 3, 4].map((n) => ({ type: 'view', userId: n === 4 ? 'visitor' : id, data: { n } })),
      },
    },
  )
  const { data, errors } = await graphql(
    store,
    `
      query ($email: String!) {
        userByEmail(email: $email) {
          id
          email
          eventCount
          lastSeenAt
          events(first: 2) {
            nodes {
              data
              store {
                name
              }
            }
            pageInfo {
              hasNextPage
            }
          }
          store {
            id
            name
            eventAmount {
              date
              eventAmount
            }
          }
        }
      }
    `,
    { email: 'JANE@example.org ' },
  )
  expect(errors).toBeUndefined()
  expect(data.userByEmail).toMatchObject({
    id,
    email: 'jane@example.org',
    eventCount: 3,
    lastSeenAt: expect.any(String),
    store: { id: storeId, name: 'Shoes', eventAmount: [{ eventAmount: 4 }] },
    events: { nodes: [{ store: { name: 'Shoes' } }, {}], pageInfo: { hasNextPage: true } },
  })

  const seen = await graphql(store, '{ events { nodes { userId user { id username eventCount } } } }')
  expect(seen.errors).toBeUndefined()
  const byUser = new Map(seen.data.events.nodes.map((node: any) => [node.userId, node.user]))
  expect(byUser.get('visitor')).toBeNull()
  expect(byUser.get(id)).toEqual({ id, username: 'jane', eventCount: 3 })
})

test('an analyst reads aggregates and no personal data', async () => {
  const { data } = await graphql(
    admin,
    'mutation { createApiKey(input: { role: ANALYST, name: "all" }) { secret } }',
  )
  const analyst = await authenticate(stack.urls.gateway, data.createApiKey.secret)
  expect((await graphql(analyst, '{ topEventTypes { type eventAmount } }')).data.topEventTypes).toEqual([
    { type: 'view', eventAmount: 4 },
  ])
  expect((await graphql(analyst, '{ stores { nodes { id name } } }')).data.stores.nodes).toEqual([
    { id: storeId, name: 'Shoes' },
  ])
  for (const query of [
    `{ userByEmail(email: "jane@example.org", storeId: ${String(storeId)}) { email } }`,
    `{ users(storeId: ${String(storeId)}) { nodes { email } } }`,
    `{ events(storeId: ${String(storeId)}) { nodes { userId } } }`,
    '{ apiKeys { nodes { id } } }',
  ]) {
    const { data: got, errors } = await graphql(analyst, query)
    expect(errors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
    expect(got).toBeUndefined()
  }
})

test.each(['gateway', 'users', 'events'] as const)(
  '%s shows its whole schema to authenticated callers',
  async (name) => {
    const { status, body } = await call(stack.urls[name], 'POST', '/graphql', {
      token: store,
      body: { query: getIntrospectionQuery() },
    })
    expect([status, body.errors]).toEqual([200, undefined])
    expect(buildClientSchema(body.data).getQueryType()?.name).toBe('Query')
  },
)

test('internal mutations are not part of the public graph', async () => {
  const { errors } = await graphql(
    admin,
    'mutation { applyStoreDeletion(input: { commandId: 1, storeId: 1 }) { eventsDeleted } }',
  )
  expect(errors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
})

test.each(['gateway', 'users', 'events'] as const)(
  '%s conforms to GraphQL over HTTP without a failed MUST or SHOULD',
  async (name) => {
    const results = await auditServer({ url: `${stack.urls[name]}/graphql` })
    expect(
      results
        .filter(({ status }) => status !== 'ok' && status !== 'notice')
        .map((result) => `${result.id} ${result.name}`),
    ).toEqual([])
  },
)

test('with the events service down, personal data can still be read, writes are 503, and all recovers', async () => {
  await stack.services.events.stop()
  const { data, errors } = await graphql(
    store,
    '{ userByEmail(email: "jane@example.org") { email eventCount } }',
  )
  expect(data.userByEmail?.email ?? null).toBe('jane@example.org')
  expect(errors[0].extensions.code).toBe('SUBGRAPH_UNAVAILABLE')
  const refused = await call(stack.urls.gateway, 'POST', '/api/event', {
    token: store,
    body: { type: 'view', user_id: 'u', data: {} },
  })
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('1')
  await stack.services.events.start()
  const accepted = await call(stack.urls.gateway, 'POST', '/api/event', {
    token: store,
    body: { type: 'view', user_id: 'u', data: {} },
  })
  expect(accepted.status).toBe(201)
})
