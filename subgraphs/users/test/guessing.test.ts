import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { TestPostgres } from '@user-stats/postgres/testing'
import {
  createBatchReader,
  encodeBatch,
  maxBatch,
  type OutgoingOperation,
} from '@user-stats/fast-path/protocol'
import { gatewayCredential, gatewayCredentialHeader } from '@user-stats/http'
import { adminKey, startDatabaseServer, startUsers, type Harness } from './harness.ts'

const limit = 2
const gatewaySecret = 'a-secret-of-the-gateway'
let server: TestPostgres
let users: Harness
beforeAll(async () => {
  server = await startDatabaseServer()
})
beforeEach(async () => {
  users = await startUsers(server, {
    env: { AUTH_FAILURE_LIMIT: String(limit), GATEWAY_SECRET: gatewaySecret },
  })
  // Failures are counted by the minute: all of a test in the same one.
  users.setNow(new Date())
})
afterEach(() => users[Symbol.asyncDispose]())
afterAll(() => server.stop())

const authenticate = 'mutation($key: String!) { authenticate(input: { apiKey: $key }) { expiresIn } }'
const wrong = (n: number): string => `us_s_${String(n).padStart(6, '0')}-guessed`

/** The code of each response, or "ok". */
const verdictOf = (body: any): string => body.errors?.[0].extensions.code ?? 'ok'
const alone = async (key: string): Promise<string> =>
  verdictOf((await users.graphql(null, authenticate, { key })).body)
async function together(keys: readonly string[], own: Record<string, string> = {}): Promise<string[]> {
  const operations = keys.map((key): OutgoingOperation => ({
    query: authenticate,
    variables: JSON.stringify({ key }),
    operationName: undefined,
    callerHeaders: {},
    requestHeaders: own,
  }))
  const response = await fetch(`${users.origin}/graphql/batch`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      [gatewayCredentialHeader]: gatewayCredential(gatewaySecret),
    },
    body: encodeBatch(operations),
  })
  const verdicts: string[] = []
  const read = createBatchReader((place, { text }) => {
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
  [
    'one after the other',
    async (keys: readonly string[]) => {
      const verdicts: string[] = []
      for (const key of keys) verdicts.push(await alone(key))
      return verdicts
    },
  ],
])(
  'of wrong API keys sent %s a limited number is 401, the others are 429; correct ones work',
  async (_how, send) => {
    const verdicts = await send([...guesses(4 * limit), adminKey, ...guesses(2 * limit), adminKey])
    expect(verdicts.filter((verdict) => verdict === 'ok')).toHaveLength(2)
    expect(verdicts.filter((verdict) => verdict === 'INVALID_API_KEY').length).toBeLessThanOrEqual(limit)
    expect(verdicts.filter((verdict) => verdict === 'TOO_MANY_REQUESTS').length).toBeGreaterThanOrEqual(
      5 * limit,
    )
    expect(await alone(wrong(0))).toBe('TOO_MANY_REQUESTS')
    expect(await alone(adminKey)).toBe('ok')
  },
)

test('correct API keys sent at once are all accepted, however many wrong ones were sent', async () => {
  for (let n = 0; n < 2 * limit; n += 1) await alone(wrong(n))
  expect(await together(Array.from({ length: maxBatch }, () => adminKey))).toEqual(
    Array.from({ length: maxBatch }, () => 'ok'),
  )
})
