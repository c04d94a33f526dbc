import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import { createAnswerReader, encodeBatch, maxBatch, type OutgoingOperation } from '@user-stats/graphql'
import { adminKey, startDatabaseServer, startUsers, type Harness } from './harness.ts'

const limit = 5
let server: TestPostgres
let users: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
})
beforeEach(async () => {
  users = await startUsers(server, { env: { AUTH_FAILURE_LIMIT: String(limit) } })
})
afterEach(() => users[Symbol.asyncDispose]())
afterAll(() => server.stop())

const authenticate = 'mutation($key: String!) { authenticate(input: { apiKey: $key }) { expiresIn } }'
const wrong = (n: number): string => `us_s_${String(n).padStart(6, '0')}-guessed`

/** The code of each answer, or "ok". */
const verdictOf = (body: any): string => body.errors?.[0].extensions.code ?? 'ok'
const alone = async (key: string): Promise<string> =>
  verdictOf((await users.graphql(null, authenticate, { key })).body)
async function together(keys: readonly string[], own: Record<string, string> = {}): Promise<string[]> {
  const operations = keys.map((key): OutgoingOperation => ({
    query: authenticate,
    variables: JSON.stringify({ key }),
    sender: {},
    own,
  }))
  const response = await fetch(`${users.origin}/graphql/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: encodeBatch(operations),
  })
  const verdicts: string[] = []
  const read = createAnswerReader((place, { text }) => {
    verdicts[place] = verdictOf(JSON.parse(text))
  })
  for await (const chunk of response.body ?? []) read(chunk)
  return verdicts
}
const guesses = (count: number): string[] => Array.from({ length: count }, (_, n) => wrong(n))

test.each([
  ['in one batch', (keys: readonly string[]) => together(keys)],
  [
    'in a batch that claims to come from everywhere',
    (keys: readonly string[]) =>
      together(keys, { 'x-forwarded-for': '192.0.2.1', 'x-client-address': '192.0.2.1 seal' }),
  ],
  ['at once in requests of their own', (keys: readonly string[]) => Promise.all(keys.map(alone))],
])('of wrong API keys sent %s no more are tried than one after the other', async (_how, send) => {
  // The right one among them comes too late.
  const verdicts = await send([...guesses(limit), adminKey, ...guesses(maxBatch - limit - 1)])
  expect(verdicts.filter((verdict) => verdict === 'INVALID_API_KEY')).toHaveLength(limit)
  expect(new Set(verdicts)).toEqual(new Set(['INVALID_API_KEY', 'TOO_MANY_REQUESTS']))
  expect(await alone(adminKey)).toBe('TOO_MANY_REQUESTS')
})

test('right API keys sent at once are all answered, however few more may be wrong', async () => {
  for (let n = 0; n < limit - 1; n += 1) expect(await alone(wrong(n))).toBe('INVALID_API_KEY')
  expect(await together(Array.from({ length: maxBatch }, () => adminKey))).toEqual(
    Array.from({ length: maxBatch }, () => 'ok'),
  )
})
