import type { FastifyInstance } from 'fastify'
import type { GraphQLSchema } from 'graphql'
import type { UsersDatabase } from '@user-stats/prisma-users'
import {
  byAudience,
  createGraphServer,
  createRequestContext,
  perTenant,
  registerGraph,
  type MakeContext,
} from '@user-stats/graphql'
import {
  createHttpApp,
  createIdentify,
  createMetrics,
  createRateLimits,
  registerApiDocs,
  registerAuthentication,
  registerLandingPage,
  type Logger,
} from '@user-stats/http'
import { createTokenVerifier } from '@user-stats/core'
import { createSubgraphEngine, registerBatchRoute } from '@user-stats/fast-path/subgraph'
import { registerBulk, registerRest, userBulk } from '@user-stats/rest'
import { toContext, type Context } from './context.ts'
import { createDomain } from './domain.ts'
import { masterKeysOf, type UsersEnv } from './env.ts'
import { prepareFirstStart } from './bootstrap/first-start.ts'
import { createOutboxRelay } from './outbox/outbox-relay.ts'
import { registerReceiptKeysRoute } from './modules/erasure/receipt-keys.route.ts'
import { registerJwksRoute } from './modules/token/jwks.route.ts'
import { rows } from './rest/routes.ts'
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

const title = 'User statistics: users'

/**
 * Builds the users service; it does not listen yet. Closing it ends deliveries in flight and closes the database.
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
  const { keys, receiptKeys, events, commands, ...domain } = createDomain({
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
    createOutboxRelay({ commands, log, queue: 'ACCESS', concurrency: 8, ...pace }),
    createOutboxRelay({ commands, log, queue: 'ERASURE', concurrency: 4, ...pace }),
  ]

  const rates = createRateLimits({ service: 'users', ...env.rates, log, clock: () => clock().getTime() })
  const app = await createHttpApp({
    log,
    logRequests: env.logRequests,
    metrics,
    readiness: { database: db.ping },
    requestTimeout: env.requestTimeout,
    corsOrigins: env.corsOrigins,
    trustProxy: env.trustProxy,
    gatewaySecret: env.gatewaySecret,
    tls: env.tls,
  })
  await registerApiDocs(app, {
    title,
    description: 'Registered users, as the previous system kept them.',
  })
  const schemas = createSchemas()
  const serverOver = (schema: GraphQLSchema) =>
    createGraphServer<Context>({
      assertCanIntrospect: ({ session }) => session.activeCaller(),
      source: { schema },
      limits: env.graph,
      log,
      engine: createSubgraphEngine(env.fastPath, schema),
    })
  const server = perTenant(
    byAudience({
      everyone: serverOver(schemas.everyone),
      analysts: serverOver(schemas.analysts),
    }),
  )
  await server.start()
  const tokens = createTokenVerifier({ keys: keys.source, clock: () => clock().getTime() })
  const { gatewaySecret } = env
  const identify = registerAuthentication(app, createIdentify({ tokens, rates, gatewaySecret }))
  const request = createRequestContext({
    identify,
    timeout: env.requestTimeout,
    honorsTimeoutHeader: true,
    gatewaySecret,
  })
  const context: MakeContext<Context> = async (...at) => toContext(await request(...at), { ...domain, rates })
  const page = registerLandingPage(app, {
    title,
    about:
      'This service keeps stores, API keys and the personal data of users. Stores and analysts use the gateway, by default on port 8000, where the playground is; the graph here takes POST requests at /graphql.',
  })
  registerGraph(app, { server, context, page })
  registerBatchRoute(app, { server, context, gatewaySecret: env.gatewaySecret })
  registerBulk(app, { server, context, kind: userBulk })
  registerRest(app, { rows, server, context })
  registerJwksRoute(app, keys)
  registerReceiptKeysRoute(app, receiptKeys)

  app.addHook('onReady', () => {
    for (const relay of relays) relay.start()
  })
  app.addHook('onClose', async () => {
    await server.stop()
    rates.close()
    await Promise.all([commands.stop(), ...relays.map((relay) => relay.stop())])
    await events.close()
    await db.close()
  })
  return app
}
