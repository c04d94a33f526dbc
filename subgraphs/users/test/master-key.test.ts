import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestDatabase, TestPostgres } from '@user-stats/postgres/testing'
import { openUsersDatabase, usersSchema } from '@user-stats/prisma-users'
import { connectionName } from '../src/vault/connected-key-ids.ts'
import { createMasterKeys } from '../src/vault/master-keys.ts'
import { dataKeyAad, receiptKeyAad, signingKeyAad, wrappedKeyAad } from '../src/vault/aad.ts'
import { rewrapAll, type RewrapOptions } from '../src/vault/rewrap.ts'
import { createPerson, startDatabaseServer, startUsers, type Harness } from './harness.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startDatabaseServer()
})
afterAll(() => server.stop())

const [old, fresh, third] = [randomBytes(32), randomBytes(32), randomBytes(32)]
const both = { MASTER_KEY: fresh.toString('hex'), MASTER_KEY_PREVIOUS: old.toString('base64') }
const batch = 4

async function rewrap(database: TestDatabase, options: Partial<RewrapOptions> = {}): Promise<number> {
  const db = openUsersDatabase({ url: database.url })
  try {
    return await rewrapAll({ db, masterKeys: createMasterKeys(fresh, old), batch, ...options })
  } finally {
    await db.close()
  }
}

/** A service with the old key, a store and some users, and what each store reads of them. */
async function registered(database: TestDatabase, count: number) {
  await using service = await startUsers(server, { database, masterKey: old.toString('hex') })
  const { key, token } = await service.store()
  for (let n = 0; n < count; n += 1) await service.mutate(token, 'createUser', createPerson(), 'user { id }')
  return { key, token, people: await peopleOf(service, token) }
}

async function peopleOf(service: Harness, token: string) {
  const { body } = await service.graphql(
    token,
    '{ users(first: 1000) { nodes { id email username phone } } }',
  )
  expect(body.errors).toBeUndefined()
  return body.data.users.nodes as unknown[]
}

/** How many of all wrapped keys a master key opens, tried on the bytes themselves. */
async function openedBy(database: TestDatabase, key: Uint8Array) {
  const db = openUsersDatabase({ url: database.url })
  try {
    const wrapped = [
      ...(await db.prisma.userKey.findMany()).map((row) => ({
        bytes: row.key,
        place: dataKeyAad({ storeId: row.storeId, id: row.userId }),
      })),
      ...(await db.prisma.signingKey.findMany()).map((row) => ({
        bytes: row.privateKey,
        place: signingKeyAad(row.kid),
      })),
      ...(await db.prisma.receiptKey.findMany()).map((row) => ({
        bytes: row.privateKey,
        place: receiptKeyAad(row.kid),
      })),
      ...(await db.prisma.wrappedKey.findMany()).map((row) => ({
        bytes: row.key,
        place: wrappedKeyAad(row.purpose),
      })),
    ]
    const keys = createMasterKeys(key)
    const opened = wrapped.filter(({ bytes, place }) => {
      try {
        return keys.unwrap(keys.id, bytes, place).length > 0
      } catch {
        return false
      }
    })
    return { opened: opened.length, of: wrapped.length }
  } finally {
    await db.close()
  }
}

test('a rotation of the master key may be interrupted after any batch, is served in between, and ends with the new key alone', async () => {
  const database = await server.createDatabase(usersSchema)
  const { key, token, people } = await registered(database, 11)
  expect((await openedBy(database, old)).opened).toBe(14)

  // Each run completes one more batch, as if it were killed after it.
  const crash = new Error('killed')
  const remaining: number[] = []
  for (let run = 0; run < 3; run += 1) {
    const died = rewrap(database, {
      progress: (done, total) => {
        if (done === 0) remaining.push(total)
        else throw crash
      },
    })
    await expect(died).rejects.toBe(crash)
    await using service = await startUsers(server, { database, env: both })
    expect(await peopleOf(service, token)).toEqual(people)
    expect(await service.tokenFor(key)).toEqual(expect.any(String))
  }
  expect(remaining).toEqual([11, 7, 3])

  const progress: number[][] = []
  expect(await rewrap(database, { progress: (...at) => progress.push(at) })).toBe(0)
  expect(progress).toEqual([[0, 0]])
  expect(await openedBy(database, old)).toEqual({ opened: 0, of: 14 })
  expect(await openedBy(database, fresh)).toEqual({ opened: 14, of: 14 })
  await using service = await startUsers(server, { database, masterKey: fresh.toString('hex') })
  expect(await peopleOf(service, token)).toEqual(people)
  await expect(startUsers(server, { database, masterKey: old.toString('hex') })).rejects.toThrow(
    /^MASTER_KEY is not the key of this database/,
  )
}, 120_000)

test('a service with both keys registers, changes and erases users while all keys are wrapped again', async () => {
  const database = await server.createDatabase(usersSchema)
  const { token, people } = await registered(database, 9)
  await using service = await startUsers(server, { database, env: both })
  const [first, last] = [people.at(0), people.at(-1)] as { id: string }[]
  let work: Promise<unknown> | undefined
  await rewrap(database, {
    progress: (done) => {
      if (done !== batch) return
      work = Promise.all([
        service.mutate(token, 'createUser', createPerson(), 'user { id }'),
        service.mutate(token, 'updateUser', { id: first?.id, phone: 77 }, 'user { phone }'),
        service.mutate(token, 'eraseUser', { id: last?.id }, 'eventsDeleted'),
      ])
    },
  })
  expect(await work).toEqual([{ user: expect.any(Object) }, { user: { phone: 77 } }, { eventsDeleted: 0 }])
  expect(await peopleOf(service, token)).toHaveLength(9)
  expect(await openedBy(database, fresh)).toEqual({ opened: 12, of: 12 })
})

test('while a connected service does not wrap with the new key, nothing is changed', async () => {
  const database = await server.createDatabase(usersSchema)
  await registered(database, 2)
  const olds: Record<string, string>[] = [
    { MASTER_KEY: old.toString('hex') },
    // It opens what the new key wraps but still wraps with the old one: the first of two steps without
    // downtime.
    { MASTER_KEY: old.toString('hex'), MASTER_KEY_PREVIOUS: fresh.toString('hex') },
  ]
  for (const env of olds) {
    await using _service = await startUsers(server, { database, env })
    await expect(rewrap(database)).rejects.toThrow(
      /^a users service is connected that works with the master key [\da-f]{16}, the new one is [\da-f]{16}\. /,
    )
    expect(await openedBy(database, old)).toEqual({ opened: 5, of: 5 })
  }
})

test('a key wrapped by a third master key stops the rotation before any change', async () => {
  const database = await server.createDatabase(usersSchema)
  await registered(database, 2)
  await expect(rewrap(database, { masterKeys: createMasterKeys(fresh, third) })).rejects.toThrow(
    /^the master key with the id [\da-f]{16} is required$/,
  )
  expect(await openedBy(database, old)).toEqual({ opened: 5, of: 5 })
})

test('a connection publishes the ids of the master keys of its service, not the keys', () => {
  const name = connectionName(createMasterKeys(fresh, old))
  expect(name).toMatch(/^user-stats users [\da-f]{16}\+[\da-f]{16}$/)
  for (const key of [fresh, old]) expect(key.toString('hex')).not.toContain(name.slice(-16))
  // PostgreSQL truncates longer ones.
  expect(name.length).toBeLessThan(64)
})
