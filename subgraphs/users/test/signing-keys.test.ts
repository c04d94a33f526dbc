import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { createJwksSource, createTokenVerifier } from '@user-stats/core'
import { inTransaction } from '../src/database/transaction.ts'
import { rotateSigningKeys } from '../src/modules/token/signing-key-rotation.ts'
import { createMasterKeys } from '../src/vault/master-keys.ts'
import { openUsersDatabase } from '@user-stats/prisma-users'
import { adminKey, startDatabaseServer, startUsers, type Harness } from './harness.ts'

let server: TestPostgres
beforeAll(async () => {
  server = await startDatabaseServer()
})
afterAll(() => server.stop())

const minute = 60_000
const masterKey = randomBytes(32)
const kidOf = (token: string): string =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid as string

/** A service, and a verifier that knows it by its key set, on one clock. */
async function started() {
  const service = await startUsers(server, { masterKey: masterKey.toString('hex') })
  const began = Date.now()
  let now = began
  const clock = () => now
  const verifier = createTokenVerifier({
    keys: createJwksSource({ url: `${service.origin}/.well-known/jwks.json`, clock }),
    clock,
  })
  return {
    service,
    verify: verifier.verify,
    /** Minutes after the start. */
    at: (minutes: number) => {
      now = began + minutes * minute
      service.setNow(new Date(now))
    },
    rotate: (options: { compromised?: boolean } = {}) => rotate(service, new Date(now), options),
  }
}

async function rotate({ database }: Harness, now: Date, { compromised = false }) {
  const db = openUsersDatabase({ url: database.url })
  try {
    return await inTransaction(db.prisma, (tx) =>
      rotateSigningKeys(tx, {
        masterKeys: createMasterKeys(masterKey),
        now,
        lead: 5 * minute,
        compromised,
      }),
    )
  } finally {
    await db.close()
  }
}

const published = async (service: Harness): Promise<string[]> =>
  (await service.send('GET', '/.well-known/jwks.json')).body.keys.map(({ kid }: { kid: string }) => kid)

test('a new signing key is known to verifiers before it signs, and the previous one until its tokens expire', async () => {
  const { service, verify, at, rotate: change } = await started()
  await using _service = service
  at(0)
  const before = await service.tokenFor(adminKey)
  await verify(before)

  at(1)
  const { kid, signsFrom, retired } = await change()
  expect(retired).toEqual([kidOf(before)])
  at(2)
  expect(await published(service)).toEqual([kidOf(before), kid])
  const between = await service.tokenFor(adminKey)
  expect(kidOf(between)).toBe(kidOf(before))

  // As soon as it signs, a verifier that has just looked up another key in vain accepts it.
  at(5.99)
  await expect(verify(between.replace(/^[^.]+/, unknownKid()))).rejects.toMatchObject({
    code: 'TOKEN_INVALID',
  })
  at(6)
  expect(signsFrom.getTime()).toBeLessThanOrEqual(Date.now() + 6 * minute)
  const after = await service.tokenFor(adminKey)
  expect(kidOf(after)).toBe(kid)
  expect(await verify(after)).toMatchObject({ role: 'ADMIN' })

  // A token signed at the last moment works for its hour.
  at(61)
  expect(await verify(between)).toMatchObject({ role: 'ADMIN' })
  expect((await service.graphql(between, '{ stores { nodes { id } } }')).body.errors).toBeUndefined()
  at(62.2)
  await expect(verify(between)).rejects.toMatchObject({ code: 'TOKEN_EXPIRED' })
  at(127)
  expect(await published(service)).toEqual([kid])
})

const unknownKid = (): string =>
  Buffer.from(JSON.stringify({ alg: 'RS256', typ: 'JWT', kid: 'unknown' })).toString('base64url')

test('concurrent rotations leave one signing key, and retired ones are destroyed', async () => {
  const { service, at, rotate: change } = await started()
  await using _service = service
  at(0)
  await Promise.all([change(), change()])
  at(6)
  const { rows } = await service.owner.query<{ kid: string }>(
    'SELECT kid FROM signing_keys WHERE retired_at IS NULL',
  )
  expect(rows).toEqual([{ kid: kidOf(await service.tokenFor(adminKey)) }])
  at(6 + 2 * 24 * 60)
  expect((await change()).removed).toHaveLength(2)
})

test('compromised keys are destroyed: their tokens are rejected, and a new key signs at once', async () => {
  const { service, at, rotate: change } = await started()
  await using _service = service
  at(0)
  const before = await service.tokenFor(adminKey)
  const { kid, removed } = await change({ compromised: true })
  expect(removed).toEqual([kidOf(before)])
  at(1)
  const after = await service.tokenFor(adminKey)
  expect(kidOf(after)).toBe(kid)
  expect(await published(service)).toEqual([kid])
  // A service that starts now does not know the old key.
  const verifier = createTokenVerifier({
    keys: createJwksSource({ url: `${service.origin}/.well-known/jwks.json` }),
  })
  await expect(verifier.verify(before)).rejects.toMatchObject({ code: 'TOKEN_INVALID' })
  expect(await verifier.verify(after)).toMatchObject({ role: 'ADMIN' })
})
