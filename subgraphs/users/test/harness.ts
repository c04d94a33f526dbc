import { randomBytes } from 'node:crypto'
import { Writable } from 'node:stream'
import { Pool } from 'pg'
import { sharedTestPostgres, type TestDatabase, type TestPostgres } from '@user-stats/postgres/testing'
import { openUsersDatabase, usersSchema } from '@user-stats/prisma-users'
import { createLogger } from '@user-stats/http'
import { createTestClient } from '@user-stats/testing/http-client'
import { buildApp } from '../src/app.ts'
import { masterKeysOf, readEnv } from '../src/env.ts'
import { connectionName } from '../src/vault/connected-key-ids.ts'
import { startEventsDouble, type EventsDouble } from './events-double.ts'

export type Harness = Awaited<ReturnType<typeof startUsers>>

export interface HarnessOptions {
  readonly masterKey?: string
  /** The database of an earlier service; else a new one. */
  readonly database?: TestDatabase
  readonly env?: Record<string, string>
  readonly relay?: { readonly interval: number; readonly maxInterval: number }
  /** Milliseconds that a request for an erasure waits. */
  readonly maxErasureWait?: number
  /** Observes the events double from before the service starts. */
  readonly onEvents?: (events: EventsDouble) => Promise<void>
}

export const adminKey = 'an-admin-key-for-tests'
export const startDatabaseServer = (): Promise<TestPostgres> => sharedTestPostgres()

/** The users service on a database of its own, over real HTTP, with an events double to receive commands. */
export async function startUsers(server: TestPostgres, options: HarnessOptions = {}) {
  const database = options.database ?? (await server.createDatabase(usersSchema))
  const masterKey = options.masterKey ?? randomBytes(32).toString('base64')
  const events = await startEventsDouble()
  const observed = options.onEvents?.(events)
  let now: Date | undefined
  const lines: string[] = []
  const destination = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(line.toString())
      done()
    },
  })
  const env = readEnv({
    USERS_DATABASE_URL: database.url,
    MASTER_KEY: masterKey,
    ADMIN_API_KEY: adminKey,
    EVENTS_URL: events.url,
    AUTH_FAILURE_LIMIT: '100000',
    FAST_PATH: process.env['FAST_PATH'],
    ...options.env,
  })
  const db = openUsersDatabase({ url: database.url, name: connectionName(masterKeysOf(env)) })
  const app = await buildApp({
    env,
    db,
    log: createLogger({ name: 'users', level: 'trace', destination }),
    clock: () => now ?? new Date(),
    relay: options.relay ?? { interval: 20, maxInterval: 40 },
    ...(options.maxErasureWait !== undefined && { maxErasureWait: options.maxErasureWait }),
  }).catch(async (error: unknown) => {
    await db.close()
    await events[Symbol.asyncDispose]()
    throw error
  })
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const owner = new Pool({ connectionString: database.ownerUrl, max: 2 })

  const { send, graphql } = createTestClient<string>(origin, (token) => token)

  /** Runs a mutation `name(input)` and answers its payload, or the code of its error. */
  async function mutate(
    token: string | null,
    name: string,
    input: Record<string, unknown>,
    selection: string,
  ): Promise<any> {
    const type = `${name.slice(0, 1).toUpperCase()}${name.slice(1)}Input`
    const { body } = await graphql(
      token,
      `mutation($input: ${type}!) { answer: ${name}(input: $input) { ${selection} } }`,
      { input },
    )
    return body.data?.answer ?? body.errors[0].extensions.code
  }

  const tokenFor = async (apiKey: string): Promise<string> =>
    (await mutate(null, 'authenticate', { apiKey }, 'accessToken')).accessToken
  const admin = await tokenFor(adminKey)

  return {
    app,
    origin,
    owner,
    database,
    masterKey,
    events,
    observed,
    admin,
    send,
    graphql,
    mutate,
    tokenFor,
    logged: (): string => lines.join(''),
    setNow: (instant: Date): void => {
      now = instant
    },
    /** A new store and a token of its own. */
    async store(name = 'a shop'): Promise<{ id: number; key: string; token: string }> {
      const { store, secret } = await mutate(admin, 'createStore', { name }, 'store { id } secret')
      return { id: store.id, key: secret, token: await tokenFor(secret) }
    },
    /** A new key, and a token of its own. */
    async key(role: string, storeId?: number): Promise<{ id: string; secret: string; token: string }> {
      const input = { role, name: role, storeId }
      const { apiKey, secret } = await mutate(admin, 'createApiKey', input, 'apiKey { id } secret')
      return { id: apiKey.id, secret, token: await tokenFor(secret) }
    },
    async [Symbol.asyncDispose]() {
      await app.close()
      await events[Symbol.asyncDispose]()
      if (!owner.ended) await owner.end()
    },
  }
}

let count = 0
/** A unique person. */
export function createPerson(changes: Record<string, unknown> = {}) {
  count += 1
  return {
    email: `jane.${String(count)}@example.org`,
    username: `jane${String(count)}`,
    firstName: 'Jane',
    lastName: 'Doe',
    phone: 4_915_112_345_678,
    ...changes,
  }
}
