import type { FastifyInstance } from 'fastify'
import { createTokenVerifier, DomainError, type KeySource } from '@user-stats/core'
import {
  createHttpApp,
  createIdentify,
  createRateLimits,
  registerApiDocs,
  registerAuthentication,
  registerLandingPage,
  type HttpAppOptions,
  type Identify,
  type LandingPageOptions,
  type Logger,
  type Metrics,
  type PageHandler,
  type RateLimitOptions,
  type RateLimits,
} from '@user-stats/http'
import { byAudience } from './audience/servers.ts'
import { limitWriters } from './audience/writers.ts'
import { createRequestContext, type MakeContext } from './context.ts'
import { createGraphServer, type GraphServer, type GraphServerOptions } from './graph-server.ts'
import type { GraphLimits } from './limits/limits.ts'
import type { RequestContext } from './request.ts'
import { registerGraph } from './route.ts'
import { perTenant } from './workload.ts'

/** Settings of every service. */
export interface ServiceEnv extends Pick<
  HttpAppOptions,
  'logRequests' | 'requestTimeout' | 'corsOrigins' | 'trustProxy' | 'tls'
> {
  readonly rates: Omit<RateLimitOptions, 'service' | 'log' | 'clock'>
  readonly graph: GraphLimits
  readonly gatewaySecret?: string | undefined
}

/** What the routes of a service execute operations with. */
export interface RouteTools<Context extends RequestContext> {
  readonly server: GraphServer<Context>
  readonly context: MakeContext<Context>
}

export interface ServiceAppOptions<Context extends RequestContext, Schema> extends Pick<
  HttpAppOptions,
  'readiness'
> {
  readonly name: string
  readonly env: ServiceEnv
  readonly metrics: Metrics
  readonly log: Logger
  readonly clock?: () => Date
  /** Public keys that verify tokens. */
  readonly keys: KeySource
  /**
   * Whether the gateway calls this service: tokens of services, its timeouts and its client addresses are
   * accepted.
   */
  readonly behindGateway: boolean
  /** Of the OpenAPI document. */
  readonly description: string
  /** With a title only, the service has pages of its own. */
  readonly landingPage: LandingPageOptions | Pick<LandingPageOptions, 'title'>
  /** The page that a browser gets at `/graphql`, if not the landing page. */
  readonly graphPage?: PageHandler
  readonly schemas: { readonly everyone: Schema; readonly analysts: Schema }
  /** What executes operations on a schema. */
  readonly executor: (schema: Schema) => Pick<GraphServerOptions<Context>, 'source' | 'engine'>
  /** @throws DomainError when the caller may not see the schema */
  readonly assertCanIntrospect: (context: Context, server: GraphServer<Context>) => Promise<unknown>
  /** Extends the context of a request by what resolvers need. */
  readonly context: (request: RequestContext, rates: RateLimits) => Context
  /** Registers hooks that run before a request is authenticated. */
  readonly beforeAuthentication?: (app: FastifyInstance) => void
  readonly routes: (app: FastifyInstance, tools: RouteTools<Context>) => void | Promise<void>
  readonly onReady?: () => void
  /** Runs once no request is in flight. */
  readonly onClose: () => Promise<void>
}

/**
 * Builds a service around its graph: HTTP, authentication, rate limits, a graph for analysts and one for
 * everyone else, docs and landing page, and the service's own routes. It does not listen yet.
 */
export async function createServiceApp<Context extends RequestContext, Schema>({
  name,
  env,
  metrics,
  log,
  clock = () => new Date(),
  readiness,
  keys,
  behindGateway,
  description,
  landingPage,
  graphPage,
  schemas,
  executor,
  assertCanIntrospect,
  context: extend,
  beforeAuthentication,
  routes,
  onReady,
  onClose,
}: ServiceAppOptions<Context, Schema>): Promise<FastifyInstance> {
  const { requestTimeout, logRequests, corsOrigins, trustProxy, tls } = env
  const gatewaySecret = behindGateway ? env.gatewaySecret : undefined
  const milliseconds = () => clock().getTime()
  const app = await createHttpApp({
    log,
    logRequests,
    metrics,
    readiness,
    requestTimeout,
    corsOrigins,
    trustProxy,
    gatewaySecret,
    tls,
  })
  // Describes the routes that are registered after it.
  await registerApiDocs(app, { title: landingPage.title, description })

  const serverOver = (schema: Schema): GraphServer<Context> =>
    createGraphServer<Context>({
      ...executor(schema),
      limits: env.graph,
      log,
      assertCanIntrospect: (context) => assertCanIntrospect(context, server),
    })
  const server: GraphServer<Context> = perTenant(
    limitWriters(
      byAudience({ everyone: serverOver(schemas.everyone), analysts: serverOver(schemas.analysts) }),
    ),
  )
  await server.start()

  const rates = createRateLimits({ service: name, ...env.rates, log, clock: milliseconds })
  const tokens = createTokenVerifier({ keys, clock: milliseconds })
  const identify = createIdentify({ tokens, rates, gatewaySecret, checkOrigin: !behindGateway })
  beforeAuthentication?.(app)
  const request = createRequestContext({
    identify: registerAuthentication(app, behindGateway ? identify : rejectServices(identify)),
    timeout: requestTimeout,
    honorsTimeoutHeader: behindGateway,
    gatewaySecret,
  })
  const context: MakeContext<Context> = async (...at) => extend(await request(...at), rates)

  const page = 'about' in landingPage ? registerLandingPage(app, landingPage) : undefined
  registerGraph(app, { server, context, page: graphPage ?? page })
  await routes(app, { server, context })

  if (onReady) app.addHook('onReady', onReady)
  app.addHook('onClose', async () => {
    await server.stop()
    rates.close()
    await onClose()
  })
  return app
}

/** Services call each other directly: the gateway rejects their tokens. */
const rejectServices =
  (identify: Identify): Identify =>
  async (...at) => {
    const identity = await identify(...at)
    if (identity.caller.role === 'SERVICE') throw new DomainError('FORBIDDEN')
    return identity
  }
