import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
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

async function until(is: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000
  while (!(await is())) {
    if (Date.now() > end) throw new Error('it never was')
    await pause(10)
  }
}

/** Statements that wait for the keys of users. */
async function running(): Promise<number> {
  const { rows } = await users.owner.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_locks WHERE relation = 'user_keys'::regclass AND NOT granted`,
  )
  return rows[0]?.n ?? 0
}

/** Queries that use statements of Prisma and of our own. */
const requests = {
  'pages of users': '{ users(first: 10) { nodes { email } } }',
  'users by their addresses': '{ userByEmail(email: "none@example.org") { id } }',
}

test.each(Object.entries(requests))(
  'many requests of one store for %s use half of the connections, and others are answered meanwhile',
  async (_name, query) => {
    const [busy, other] = [await users.store(), await users.store()]
    const holder = await users.owner.connect()
    await holder.query('BEGIN; LOCK TABLE user_keys IN ACCESS EXCLUSIVE MODE')
    const queries = Array.from({ length: 40 }, () => users.graphql(busy.token, query))
    await until(async () => (await running()) === 8)
    for (let n = 0; n < 5; n += 1) {
      const { body } = await users.graphql(users.admin, '{ stores(first: 1) { nodes { id } } }')
      expect(body.data.stores.nodes).toHaveLength(1)
      // Signing in, which is anonymous.
      expect(await users.tokenFor(other.key)).toEqual(expect.any(String))
    }
    expect(await running()).toBe(8)
    await holder.query('ROLLBACK')
    holder.release()
    for (const { body } of await Promise.all(queries)) expect(body.errors).toBeUndefined()
  },
)

test('a long list of users, read and opened in chunks, is complete and in order', async () => {
  const { id, token } = await users.store()
  const { user } = await users.mutate(token, 'createUser', createPerson(), 'user { id }')
  const ids = await Promise.all(
    Array.from({ length: 229 }, async () => {
      const answer = await users.mutate(token, 'createUser', createPerson(), 'user { id }')
      return String(answer.user.id)
    }),
  )
  ids.push(String(user.id))
  const representations = ids.map((ref) => ({ __typename: 'User', storeId: id, ref }))
  const { body } = await users.graphql(
    token,
    'query($representations: [_Any!]!) { _entities(representations: $representations) { ... on User { id } } }',
    { representations },
  )
  expect(body.data._entities.map((entity: { id: string }) => entity.id)).toEqual(ids)
  const page = await users.graphql(token, '{ users(first: 1000) { nodes { id } } }')
  expect(page.body.data.users.nodes.map((node: { id: string }) => node.id)).toEqual(ids.toSorted())
})
