import type { FastifyInstance } from 'fastify'
import type { GraphQLSchema } from 'graphql'
import type { UsersDatabase } from '@user-stats/prisma-users'
import { createServiceApp } from '@user-stats/graphql'
import { createMetrics, type Logger } from '@user-stats/http'
import { createSubgraphEngine, registerBatchRoute } from '@user-stats/fast-path/subgraph'
import { registerBulk, registerRest, userBulk } from '@user-stats/rest'
import { toContext, type Context } from './context.ts'
import { createDomain } from './domain.ts'
import { masterKeysOf, type UsersEnv } from './env.ts'
import { prepareFirstStart } from './bootstrap/first-start.ts'
import { createOutboxRelay } from './outbox/outbox-relay.ts'
import { registerKeySets } from './rest/key-sets.route.ts'
import { routes } from './rest/routes.ts'
import { createSchemas } from './schema.ts'
import { createVault } from './vault/vault.ts'

export interface UsersDeps {
  readonly env: Pick<
    UsersEnv,
    | 'requestTimeout'
    | 'logRequests'
    | 'graph'
    | 'rates'
    | 'trustProxy'
    | 'gatewaySecret'
    | 'corsOrigins'
    | 'tls'
    | 'fastPath'
    | 'secrets'
    | 'events'
    | 'tokens'
  >
  readonly db: UsersDatabase
  readonly log: Logger
  readonly clock?: () => Date
  /** Milliseconds between rounds of the outbox relay, and the maximum while deliveries fail. */
  readonly relay?: { readonly interval: number; readonly maxInterval: number }
  /** Maximum milliseconds that a request waits for the end of an erasure. */
  readonly maxErasureWait?: number
}

/**
 * Builds the users service; it does not listen yet. Closing it ends deliveries in flight and closes the
 * database.
 *
 * @throws Error with a one-line message when MASTER_KEY is not the key of this database
 */
export async function buildApp({
  env,
  db,
  log,
  clock = () => new Date(),
  relay: pace = { interval: 2_000, maxInterval: 8_000 },
  maxErasureWait = 10_000,
}: UsersDeps): Promise<FastifyInstance> {
  const masterKeys = masterKeysOf(env)
  const { adminApiKey } = env.secrets
  const { blindKey } = await prepareFirstStart({ prisma: db.prisma, masterKeys, adminApiKey, clock, log })
  const metrics = createMetrics('users')
  const { keys, receiptKeys, events, deliveries, ...domain } = createDomain({
    db,
    masterKeys,
    vault: createVault({ masterKeys, blindKey }),
    eventsUrl: env.events.url,
    tokenLifetime: env.tokens.lifetime,
    maxErasureWait,
    clock,
    log,
    metrics,
  })
  const relays = [
    createOutboxRelay({ delivery: deliveries.ACCESS, log, concurrency: 8, ...pace }),
    createOutboxRelay({ delivery: deliveries.ERASURE, log, concurrency: 4, ...pace }),
  ]

  return await createServiceApp<Context, GraphQLSchema>({
    name: 'users',
    env,
    metrics,
    log,
    clock,
    readiness: { database: db.ping },
    keys: keys.source,
    behindGateway: true,
    description: 'Registered users, as the previous system kept them.',
    landingPage: {
      title: 'User statistics: users',
      about:
        'This service keeps stores, API keys and the personal data of users. Stores and analysts use the gateway, by default on port 8000, where the playground is; the graph here takes POST requests at /graphql.',
    },
    schemas: createSchemas(),
    executor: (schema) => ({ source: { schema }, engine: createSubgraphEngine(env.fastPath, schema) }),
    assertCanIntrospect: ({ session }) => session.activeCaller(),
    context: (request, rates) => toContext(request, { ...domain, rates }),
    routes: (app, tools) => {
      registerBatchRoute(app, { ...tools, gatewaySecret: env.gatewaySecret })
      registerBulk(app, { ...tools, kind: userBulk })
      registerRest(app, { ...tools, routes })
      registerKeySets(app, { tokens: keys, receipts: receiptKeys })
    },
    onReady: () => {
      for (const relay of relays) relay.start()
    },
    onClose: async () => {
      await Promise.all([...Object.values(deliveries), ...relays].map((one) => one.stop()))
      await events.close()
      await db.close()
    },
  })
}
