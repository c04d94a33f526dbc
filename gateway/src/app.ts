import type { FastifyInstance } from 'fastify'
import { eventBulk, registerBulk, registerRest, userBulk } from '@user-stats/rest'
import {
  byAudience,
  createGraphServer,
  createRequestContext,
  perTenant,
  registerGraph,
  type GraphServer,
  type RequestContext,
} from '@user-stats/graphql'
import {
  createHttpApp,
  createIdentify,
  createMetrics,
  createRateLimits,
  registerApiDocs,
  registerAuthentication,
  registerLandingPage,
  type Identify,
  type Logger,
  wantsPage,
} from '@user-stats/http'
import { createGatewayFastPath } from '@user-stats/fast-path/gateway'
import { createTokenVerifier, DomainError, type KeySource } from '@user-stats/core'
import type { GatewayEnv } from './env.ts'
import { registerExport } from './user-export/route.ts'
import { assertCallerActive } from './supergraph/introspection-access.ts'
import { createSubgraphs } from './subgraphs/subgraph-pool.ts'
import { openSupergraph } from './supergraph/supergraph-manager.ts'
import type { SchemaVariant } from './supergraph/schema-variant.ts'
import { registerPlayground, sendPlayground } from './pages/playground.ts'
import { registerReceiptKeys } from './well-known/receipt-keys.ts'
import { routes } from './rest/routes.ts'
import { registerSession } from './session/session.route.ts'
import { registerSessionCookie } from './session/session-cookie.ts'

export interface GatewayDeps {
  readonly env: GatewayEnv
  /** Public keys for verifying tokens. */
  readonly keys: KeySource
  readonly log: Logger
  /** Milliseconds between two reads of the supergraph's file. */
  readonly pollInterval?: number | undefined
}

/**
 * Builds the gateway, which does not listen yet. It starts and runs while subgraphs are unavailable.
 *
 * @throws Error with one line for the operator when there is no valid supergraph
 */
export async function buildApp({ env, keys, log, pollInterval }: GatewayDeps): Promise<FastifyInstance> {
  const metrics = createMetrics('gateway')
  const rates = createRateLimits({ service: 'gateway', ...env.rates, log })
  const fastPath = createGatewayFastPath(env.fastPath)
  const subgraphs = createSubgraphs({
    ...env.subgraphs,
    gatewaySecret: env.gatewaySecret,
    acceleration: fastPath?.acceleration,
    log,
    metrics,
  })
  const supergraph = await openSupergraph({
    ...env.supergraph,
    pollInterval,
    dataSource: subgraphs.dataSource,
    log,
  })
  const serverOver = (variant: SchemaVariant) =>
    createGraphServer<RequestContext>({
      source: { gateway: variant.gateway },
      engine: fastPath?.engine(variant),
      limits: env.graph,
      log,
      assertCanIntrospect: (context) => assertCallerActive(server, context),
    })
  const server: GraphServer<RequestContext> = perTenant(
    byAudience({
      everyone: serverOver(supergraph.everyone),
      analysts: serverOver(supergraph.analysts),
    }),
  )
  await server.start()

  const app = await createHttpApp({
    log,
    logRequests: env.logRequests,
    metrics,
    // Without a supergraph there is no app; unavailable subgraphs do not make the gateway unready.
    readiness: {},
    requestTimeout: env.requestTimeout,
    corsOrigins: env.corsOrigins,
    trustProxy: env.trustProxy,
    tls: env.tls,
  })
  const title = 'User statistics'
  await registerApiDocs(app, {
    title,
    description: 'The REST paths of the previous system, over the graph at `/graphql`.',
  })
  registerSessionCookie(app)
  const identify = registerAuthentication(
    app,
    refusingServices(createIdentify({ tokens: createTokenVerifier({ keys }), rates })),
  )
  const context = createRequestContext({ identify, timeout: env.requestTimeout })

  await app.register(registerPlayground)
  registerGraph(app, {
    server,
    context,
    page: (request, reply) => {
      if (!wantsPage(request)) return false
      sendPlayground(reply)
      return true
    },
  })
  registerRest(app, { rows: routes, server, context })
  registerSession(app, { server, context })
  registerReceiptKeys(app, { usersUrl: env.users.url })
  for (const kind of [eventBulk, userBulk]) registerBulk(app, { server, context, kind })
  registerExport(app, { server, context })
  registerLandingPage(app, {
    title,
    about:
      'Online stores record what their customers do, and analysts read the statistics, never personal data. This is the gateway: stores and analysts use it.',
    links: [
      {
        href: '/graphql',
        name: 'Playground',
        about: 'Sign in with an API key and ask the graph. Programs send GraphQL to the same address.',
      },
    ],
    parts: subgraphs.readiness,
  })

  app.addHook('onClose', async () => {
    await server.stop()
    rates.close()
    await subgraphs.close()
  })
  return app
}

/** Rejects tokens of services: they call each other directly, not through the gateway. */
const refusingServices =
  (identify: Identify): Identify =>
  async (...at) => {
    const identity = await identify(...at)
    if (identity.caller.role === 'SERVICE') throw new DomainError('FORBIDDEN')
    return identity
  }
