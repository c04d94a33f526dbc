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
import { registerDrain } from './graceful-shutdown.ts'
import { registerHealth, type ReadinessChecks } from './health.ts'
import { secureTransport, securityHeaders } from './headers.ts'
import { registerLoad, type LoadLimits } from './overload.ts'
import { createLazyChild, type Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { createResponseObserver } from './response-observer.ts'
import { acceptableRequestId } from './request-id.ts'
import { followRenewals, tlsOptions } from './tls.ts'
import { registerUnknownPaths } from './unknown-paths.ts'

declare module 'fastify' {
  interface FastifyInstance {
    readonly errors: ErrorReporter
    readonly metrics: Metrics
  }
  interface FastifyRequest {
    /** Who sent it, once that is known. */
    caller?: Caller | undefined
  }
}

export interface HttpAppOptions {
  readonly log: Logger
  /** Logs every request. */
  readonly logRequests?: boolean
  readonly metrics: Metrics
  readonly readiness: ReadinessChecks
  /** Bytes. */
  readonly bodyLimit: number
  /** Milliseconds. */
  readonly requestTimeout: number
  readonly load: LoadLimits
  readonly corsOrigins: readonly string[]
  /** Proxies whose X-Forwarded-For is believed. */
  readonly trustProxy?: readonly string[]
  /** Speaks TLS with this, else plain HTTP. */
  readonly tls: Tls | undefined
}

/**
 * A Fastify instance with everything the three services share: request ids, structured logs without URLs, security
 * headers, body parsing, problem documents for every error, health, metrics. It does not listen yet.
 */
export async function createHttpApp({
  log,
  logRequests = false,
  metrics,
  readiness,
  bodyLimit,
  requestTimeout,
  load,
  corsOrigins,
  trustProxy = [],
  tls,
}: HttpAppOptions): Promise<FastifyInstance> {
  // Widened, so that the instance's type stays the plain one.
  const loggerInstance: FastifyBaseLogger = log
  // Headers that do not come to an end, within the time a body has, or a minute.
  const patience = { headersTimeout: Math.min(requestTimeout, 60_000), connectionsCheckingInterval: 1_000 }
  const transport: object =
    tls === undefined ? { http: patience } : { https: { ...tlsOptions(tls), ...patience } }
  const errors = createErrorReporter({ log, metrics })
  const observe = createResponseObserver({ metrics, logRequests })
  const app = Fastify({
    ...transport,
    loggerInstance,
    childLoggerFactory: (_parent, bindings, options) => createLazyChild(log, bindings, options as object),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    trustProxy: trustProxy.length > 0 && [...trustProxy],
    // Streams of events may take long. What arrives whole has a deadline below, what stalls has this one.
    requestTimeout: 0,
    connectionTimeout: 120_000,
    // Longer than usual keep-alive times of proxies, so that it is they who close.
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
      // What breaks off a handshake cannot be answered.
      if (/^ERR_(SSL|TLS)_/.test(error.code)) socket.destroy()
      else if (socket.writable) {
        const problem = fromParser(error.code)
        errors.report([{ code: problem.code, error: problem }], { route: 'unknown', log })
        socket.end(problemResponse(problem))
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
    })

  registerBodyParsers(app)
  registerBodyDeadline(app, requestTimeout)
  const headers = tls === undefined ? securityHeaders : { ...securityHeaders, ...secureTransport }
  app.addHook('onRequest', (request, reply, done) => {
    observe(request, reply)
    void reply.headers(headers).header('x-request-id', request.id)
    done()
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
    // Default metrics hold timers and observers of the process.
    metrics.registry.clear()
  })
  return app
}

/** Drops connections whose request body does not arrive in time: slow senders must not pile up. */
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
  // A body that was refused never comes to validation, and its connection may serve others.
  app.addHook('onResponse', arrived)
}

/** What Node's parser could not read, in terms of our catalogue. */
const fromParser = (code: string | undefined): DomainError =>
  code === 'HPE_HEADER_OVERFLOW'
    ? new DomainError('BAD_REQUEST', { message: "The request's headers are too large: at most 16 KiB." })
    : new DomainError('BAD_REQUEST')

/** Fastify's own refusals in terms of our catalogue. */
function fromFastify(error: FastifyError): DomainError | undefined {
  if (error.statusCode === 413) return new DomainError('PAYLOAD_TOO_LARGE')
  if (error.statusCode === 415) return new DomainError('UNSUPPORTED_MEDIA_TYPE')
  if (error.statusCode === 429) return new DomainError('TOO_MANY_REQUESTS')
  if (error.statusCode === 503) return new DomainError('SERVICE_UNAVAILABLE')
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500)
    return new DomainError('BAD_REQUEST')
  return undefined
}

/** What the caller may know of an error. */
export const toPublicError = (error: unknown): DomainError =>
  (error instanceof Error && !(error instanceof DomainError) && 'statusCode' in error
    ? fromFastify(error as FastifyError)
    : undefined) ?? toDomainError(error)
