import { randomUUID } from 'node:crypto'
import { Pool } from 'pg'
import { sharedTestPostgres, type TestDatabase, type TestPostgres } from '@user-stats/postgres/testing'
import { eventsSchema, openEventsDatabase, type EventsDatabaseOptions } from '@user-stats/prisma-events'
import { createLogger } from '@user-stats/http'
import { createTestClient } from '@user-stats/testing/http-client'
import type { SignedInCaller } from '@user-stats/core'
import { createTestIssuer } from '@user-stats/testing/tokens'
import { buildApp, type EventsDeps } from '../src/app.ts'
import { readEnv } from '../src/env.ts'
import type { ErasureSteps } from '../src/modules/deletion/erasure.service.ts'

export type Harness = Awaited<ReturnType<typeof startEvents>>

/** Starts a database server to be shared by the tests of a file. */
export const startDatabaseServer = (): Promise<TestPostgres> => sharedTestPostgres()

/** The events service on a database of its own, or sharing one with another, over real HTTP. */
export async function startEvents(
  server: TestPostgres,
  options: {
    now?: Date
    env?: Record<string, string>
    database?: TestDatabase
    maintain?: boolean
    steps?: ErasureSteps
    pool?: Omit<EventsDatabaseOptions, 'url'>
    /** Milliseconds that an analysis may take. */
    analysisTimeout?: number
    queueLimit?: number
    columnar?: EventsDeps['columnar']
  } = {},
) {
  const database = options.database ?? (await server.createDatabase(eventsSchema))
  const issuer = createTestIssuer()
  let now: Date | undefined = options.now
  const env = readEnv({
    EVENTS_DATABASE_URL: database.url,
    EVENTS_PORT: '0',
    FAST_PATH: process.env['FAST_PATH'],
    ...options.env,
  })
  const { timeout, ...analytics } = env.analytics
  const app = await buildApp({
    env: { ...env, analytics: { ...analytics, timeout: options.analysisTimeout ?? timeout } },
    queueLimit: options.queueLimit,
    db: openEventsDatabase({ url: database.url, ...options.pool }),
    keys: issuer.keys,
    log: createLogger({ name: 'events', level: 'silent' }),
    clock: () => now ?? new Date(),
    ...(options.maintain !== undefined && { maintain: options.maintain }),
    ...(options.steps && { steps: options.steps }),
    ...(options.columnar && { columnar: options.columnar }),
  })
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const owner = new Pool({ connectionString: database.ownerUrl, max: 2 })
  // An idle connection may still be closing when its server is stopped.
  owner.on('error', () => undefined)

  const admin: SignedInCaller = { role: 'ADMIN', keyId: randomUUID() }
  const service: SignedInCaller = { role: 'SERVICE', service: 'users' }
  const store = (storeId: number): SignedInCaller & { keyId: string } => ({
    role: 'STORE',
    storeId,
    keyId: randomUUID(),
  })
  const analyst = (storeId?: number): SignedInCaller => ({ role: 'ANALYST', storeId, keyId: randomUUID() })

  const { send, graphql } = createTestClient<SignedInCaller>(origin, issuer.tokenFor)

  return {
    app,
    origin,
    /** As Prometheus reads them. */
    metrics: () => app.metrics.registry.metrics(),
    database,
    owner,
    issuer,
    admin,
    service,
    store,
    analyst,
    send,
    setNow: (instant: Date) => {
      now = instant
    },
    graphql,
    /** Sends a store's access to the service, like the users service. */
    introduce: async (storeId: number, state = 'ACTIVE', commandId = 1): Promise<void> => {
      await send('POST', '/graphql', service, {
        query:
          'mutation($input: ApplyStoreAccessInput!) { applyStoreAccess(input: $input) { eventsDeleted } }',
        variables: { input: { storeId, state, commandId } },
      })
    },
    async [Symbol.asyncDispose]() {
      await app.close()
      if (!owner.ended) await owner.end()
    },
  }
}
