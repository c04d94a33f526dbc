import type { FastifyInstance } from 'fastify'
import { eventBulk, registerBulk, registerRest, userBulk } from '@user-stats/rest'
import { createServiceApp, type RequestContext } from '@user-stats/graphql'
import { createMetrics, wantsPage, type Logger } from '@user-stats/http'
import { createGatewayFastPath } from '@user-stats/fast-path/gateway'
import type { KeySource } from '@user-stats/core'
import type { GatewayEnv } from './env.ts'
import { registerExport } from './user-export/route.ts'
import { assertCallerActive } from './supergraph/introspection-access.ts'
import { createSubgraphs } from './subgraphs/subgraph-pool.ts'
import { openSupergraph } from './supergraph/supergraph-manager.ts'
import type { SchemaVariant } from './supergraph/schema-variant.ts'
import { registerClientScript } from './client-script/client-script.route.ts'
import { registerPlayground, sendPlayground } from './pages/playground.ts'
import { registerWeb } from './pages/web.ts'
import { registerPublishableKeys } from './publishable-key/publishable-key.hook.ts'
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
  let exchangeWith: ReturnType<typeof registerPublishableKeys> | undefined
  return await createServiceApp<RequestContext, SchemaVariant>({
    name: 'gateway',
    env,
    metrics,
    log,
    // Without a supergraph there is no app; unavailable subgraphs do not make the gateway unready.
    readiness: {},
    keys,
    behindGateway: false,
    description: 'The REST paths of the previous system, over the graph at `/graphql`.',
    // Its pages are those of `web/`.
    landingPage: { title: 'User statistics' },
    graphPage: (request, reply) => {
      if (!wantsPage(request)) return false
      sendPlayground(reply)
      return true
    },
    schemas: supergraph,
    executor: (variant) => ({ source: { gateway: variant.gateway }, engine: fastPath?.engine(variant) }),
    assertCanIntrospect: (context, server) => assertCallerActive(server, context),
    context: (request) => request,
    beforeAuthentication: (app) => {
      registerSessionCookie(app)
      exchangeWith = registerPublishableKeys(app)
    },
    routes: async (app, tools) => {
      exchangeWith?.(tools)
      await app.register(registerPlayground)
      await registerWeb(app, { parts: subgraphs.readiness })
      registerRest(app, { ...tools, routes })
      registerSession(app, tools)
      registerClientScript(app)
      registerReceiptKeys(app, { usersUrl: env.users.url })
      for (const kind of [eventBulk, userBulk]) registerBulk(app, { ...tools, kind })
      registerExport(app, tools)
    },
    onClose: subgraphs.close,
  })
}
