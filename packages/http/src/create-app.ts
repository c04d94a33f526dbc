import { randomUUID } from 'node:crypto'
import type { Server } from 'node:https'
import cors from '@fastify/cors'
import Fastify, {
  type FastifyBaseLogger,
  LogController,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { Tls } from '@user-stats/config'
import { DomainError, type Caller } from '@user-stats/core'
import { createErrorReporter, type ErrorReporter } from './error-reporter.ts'
import { problemResponse, sendProblem } from './problem-details.ts'
import { toDomainError } from '@user-stats/core'
import { registerBodyParsers } from './body/body-parsers.ts'
import { registerConnectionLimits } from './connections/connection-limits.ts'
import { closeInStages, registerEarlyAnswers } from './connections/early-answers.ts'
import { gatewayRecognizer } from './gateway-credential.ts'
import { registerDrain } from './graceful-shutdown.ts'
import { registerHealth, type ReadinessChecks } from './health.ts'
import { createSecurityHeaders } from './headers.ts'
import { defaultLoadLimits, registerLoad, type LoadLimits } from './overload.ts'
import { createLazyChild, type Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { createResponseObserver } from './response-observer.ts'
import { acceptableRequestId } from './request-id.ts'
import { followRenewals, tlsOptions } from './tls.ts'
import { registerPacing } from './rate-limit/pacing.ts'
import { registerUnknownPaths } from './unknown-paths.ts'

declare module 'fastify' {
  interface FastifyInstance {
    readonly errors: ErrorReporter
    readonly metrics: Metrics
  }
  interface FastifyRequest {
    /** The caller, once identified. */
    caller?: Caller | undefined
  }
}

export interface HttpAppOptions {
  readonly log: Logger
  /** Logs every request. */
  readonly logRequests?: boolean
  readonly metrics: Metrics
  readonly readiness: ReadinessChecks
  /** Bytes; 16 MiB by default. */
  readonly bodyLimit?: number
  /** Milliseconds. */
  readonly requestTimeout: number
  readonly load?: LoadLimits
  readonly corsOrigins: readonly string[]
  /** Proxies whose X-Forwarded-For is trusted. */
  readonly trustProxy?: readonly string[]
  /** The secret by which a service recognises the gateway. */
  readonly gatewaySecret?: string | undefined
  /** Certificate and key to serve TLS; plain HTTP without. */
  readonly tls: Tls | undefined
}

const defaultBodyLimit = 16 * 1_024 * 1_024

/**
 * A Fastify instance with everything the three services share: request ids, structured logs without URLs,
 * security headers, body parsing, problem documents for every error, health, metrics. It does not listen yet.
 */
export async function createHttpApp({
  log,
  logRequests = false,
  metrics,
  readiness,
  bodyLimit = defaultBodyLimit,
  requestTimeout,
  load = defaultLoadLimits,
  corsOrigins,
  trustProxy = [],
  gatewaySecret,
  tls,
}: HttpAppOptions): Promise<FastifyInstance> {
  // Widen the type, so that the instance's type stays the plain one.
  const loggerInstance: FastifyBaseLogger = log
  // A limit for headers that do not arrive completely: the time allowed for a body, at most a minute.
  const headerTimeouts = {
    headersTimeout: Math.min(requestTimeout, 60_000),
    connectionsCheckingInterval: 1_000,
  }
  const transport: object =
    tls === undefined ? { http: headerTimeouts } : { https: { ...tlsOptions(tls), ...headerTimeouts } }
  const errors = createErrorReporter({ log, metrics })
  const observe = createResponseObserver({ metrics, logRequests })
  const app = Fastify({
    ...transport,
    loggerInstance,
    childLoggerFactory: (_parent, bindings, options) => createLazyChild(log, bindings, options as object),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    trustProxy: trustProxy.length > 0 && [...trustProxy],
    // Event streams may take long. A whole body has a deadline below; a stalled connection has this one.
    requestTimeout: 0,
    connectionTimeout: 120_000,
    // Keep-alive exceeds the usual timeouts of proxies, so that proxies close idle connections first.
    keepAliveTimeout: 75_000,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_024 },
    genReqId: (request) => acceptableRequestId(request.headers['x-request-id']) ?? randomUUID(),
    frameworkErrors: (error, request, reply) => {
      observe(request, reply)
      void sendProblem(reply, toPublicError(error))
    },
    clientErrorHandler: (error, socket) => {
      log.debug({ code: error.code }, 'unreadable request')
      // A failed handshake cannot be answered.
      if (/^ERR_(SSL|TLS)_/.test(error.code)) socket.destroy()
      else if (socket.writable) {
        const problem = fromParser(error.code)
        errors.report([{ code: problem.code, error: problem }], { route: 'unknown', log })
        socket.write(problemResponse(problem))
        closeInStages(socket)
      }
    },
  })
  app.decorate('errors', errors)
  app.decorate('metrics', metrics)
  app.decorateRequest('caller')

  if (corsOrigins.length > 0)
    await app.register(cors, {
      origin: [...corsOrigins],
      methods: ['GET', 'POST', 'PATCH', 'DELETE'],
      maxAge: 600,
      // What clients need to retry and to correct their clock.
      exposedHeaders: ['date', 'retry-after'],
    })

  registerBodyParsers(app)
  registerBodyDeadline(app, requestTimeout)
  const headers = createSecurityHeaders({ tls: tls !== undefined })
  app.addHook('onRequest', (request, reply, done) => {
    observe(request, reply)
    void reply.headers(headers).header('x-request-id', request.id)
    done()
  })
  const isFromGateway = gatewayRecognizer(gatewaySecret)
  registerPacing(app, isFromGateway)
  registerEarlyAnswers(app)
  registerConnectionLimits(app, {
    maxConnections: load.connections,
    trustProxy,
    isFromGateway,
    metrics,
  })
  const notOverloaded = registerLoad(app, load, metrics)
  registerUnknownPaths(app)
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    void sendProblem(reply, toPublicError(error))
  })
  registerHealth(app, { ...readiness, load: notOverloaded }, registerDrain(app), log)
  if (tls !== undefined) app.addHook('onClose', followRenewals(app.server as Server, tls, log))
  app.addHook('onClose', () => {
    errors.close()
    // Default metrics keep timers and observers in the process.
    metrics.registry.clear()
  })
  return app
}

/** Destroys connections whose request body does not arrive in time: slow senders must not accumulate. */
function registerBodyDeadline(app: FastifyInstance, milliseconds: number): void {
  const deadlines = new WeakMap<FastifyRequest, NodeJS.Timeout>()
  const arrived = (request: FastifyRequest, _reply: FastifyReply, done: () => void): void => {
    clearTimeout(deadlines.get(request))
    done()
  }
  app.addHook('preParsing', (request, _reply, _payload, done) => {
    deadlines.set(request, setTimeout(() => request.raw.destroy(), milliseconds).unref())
    done()
  })
  app.addHook('preValidation', arrived)
  // A refused body never reaches validation, and its connection may be reused.
  app.addHook('onResponse', arrived)
}

/** Translates errors of Node's HTTP parser into the catalogue. */
const fromParser = (code: string | undefined): DomainError =>
  code === 'HPE_HEADER_OVERFLOW'
    ? new DomainError('BAD_REQUEST', { message: "The request's headers are too large: at most 16 KiB." })
    : new DomainError('BAD_REQUEST')

/** Translates Fastify's own errors into the catalogue. */
function fromFastify(error: FastifyError): DomainError | undefined {
  if (error.statusCode === 413) return new DomainError('PAYLOAD_TOO_LARGE')
  if (error.statusCode === 415) return new DomainError('UNSUPPORTED_MEDIA_TYPE')
  if (error.statusCode === 429) return new DomainError('TOO_MANY_REQUESTS')
  if (error.statusCode === 503) return new DomainError('SERVICE_UNAVAILABLE')
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500)
    return new DomainError('BAD_REQUEST')
  return undefined
}

/** Translates any error into a public one. */
export const toPublicError = (error: unknown): DomainError =>
  (error instanceof Error && !(error instanceof DomainError) && 'statusCode' in error
    ? fromFastify(error as FastifyError)
    : undefined) ?? toDomainError(error)
