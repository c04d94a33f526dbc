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
  createMetrics,
  createRateLimits,
  registerApiDocs,
  registerLandingPage,
  type Logger,
} from '@user-stats/http'
import { createTokenVerifier } from '@user-stats/core'
import { createSubgraphEngine, registerBatchRoute } from '@user-stats/fast-path/subgraph'
import { registerRest, toOpenApi } from '@user-stats/rest'
import { toContext, type Context } from './context.ts'
import { createDomain } from './domain.ts'
import { masterKeysOf, type UsersEnv } from './env.ts'
import { prepareFirstStart } from './bootstrap/first-start.ts'
import { createCourier } from './outbox/outbox-relay.ts'
import { registerReceiptKeySet } from './modules/erasure/receipt-keys.route.ts'
import { registerKeySet } from './modules/token/jwks.route.ts'
import { rows } from './rest/routes.ts'
import { createSchemas } from './schema.ts'
import { createVault } from './vault/vault.ts'

export interface UsersDeps {
  readonly env: Pick<
    UsersEnv,
    | 'limits'
    | 'graph'
    | 'load'
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
  /** Milliseconds between two looks for commands that were left, and at most so while they fail. */
  readonly courier?: { readonly interval: number; readonly maxInterval: number }
  /** Milliseconds that somebody who asked for an erasure is kept waiting for its end. */
  readonly patience?: number
}

const title = 'User statistics: users'

/**
 * The users service, wired; it does not listen yet. Closing it ends what is under way and closes the database.
 *
 * @throws Error in the operator's terms when MASTER_KEY is not the one the database was set up with
 */
export async function buildApp({
  env,
  db,
  log,
  clock = () => new Date(),
  courier: pace = { interval: 2_000, maxInterval: 8_000 },
  patience = 10_000,
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
    patience,
    clock,
    log,
    metrics,
  })
  const couriers = [
    createCourier({ commands, log, lane: 'ACCESS', parallel: 8, ...pace }),
    createCourier({ commands, log, lane: 'ERASURE', parallel: 4, ...pace }),
  ]

  const rates = createRateLimits({ service: 'users', ...env.rates, log, clock: () => clock().getTime() })
  const app = await createHttpApp({
    log,
    metrics,
    readiness: { database: db.ping },
    bodyLimit: env.limits.body,
    requestTimeout: env.limits.request,
    load: env.load,
    corsOrigins: env.corsOrigins,
    trustProxy: env.trustProxy,
    tls: env.tls,
  })
  const schemas = createSchemas()
  const serverOver = (schema: GraphQLSchema) =>
    createGraphServer<Context>({
      admit: ({ session }) => session.admitted(),
      source: { schema },
      limits: env.graph,
      log,
      metrics,
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
  const request = createRequestContext({
    tokens,
    timeout: env.limits.request,
    rates,
    heed: true,
    gatewaySecret: env.gatewaySecret,
  })
  const context: MakeContext<Context> = async (...at) => toContext(await request(...at), { ...domain, rates })
  const page = registerLandingPage(app, {
    title,
    about:
      'This service keeps stores, API keys and the personal data of users. Stores and analysts use the gateway, by default on port 8000, where the playground is; the graph here takes POST requests at /graphql.',
  })
  registerGraph(app, { server, context, metrics, page })
  registerBatchRoute(app, { server, context, metrics, gatewaySecret: env.gatewaySecret })
  registerRest(app, { rows, server, context })
  registerKeySet(app, keys)
  registerReceiptKeySet(app, receiptKeys)
  const openapi = toOpenApi({
    title,
    description: 'Registered users, as the previous system kept them.',
    version: '1.0.0',
    rows,
  })
  await registerApiDocs(app, { title, openapi: () => openapi })

  app.addHook('onReady', () => {
    for (const courier of couriers) courier.start()
  })
  app.addHook('onClose', async () => {
    await server.stop()
    rates.close()
    await Promise.all([commands.stop(), ...couriers.map((courier) => courier.stop())])
    await events.close()
    await db.close()
  })
  return app
}
