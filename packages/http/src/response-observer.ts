import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Metrics } from './metrics.ts'

export interface ResponseObserverOptions {
  readonly metrics: Pick<Metrics, 'requests'>
  readonly logRequests: boolean
}

/** The status that proxies log for a client that disconnected before its response was complete. */
const clientClosedRequest = 499

/** Measures, and optionally logs, each request when its response is complete or its connection closed. */
export const createResponseObserver =
  ({ metrics, logRequests }: ResponseObserverOptions) =>
  (request: FastifyRequest, reply: FastifyReply): void => {
    const { raw } = reply
    const began = performance.now()
    raw.once('close', () => {
      const took = performance.now() - began
      const status = raw.writableFinished ? raw.statusCode : clientClosedRequest
      const { method } = request
      // The route's pattern, never the URL: legacy paths contain e-mail addresses.
      const route = request.routeOptions.url ?? 'unknown'
      metrics.requests.observe({ method, route, status: String(status) }, took / 1_000)
      if (logRequests) request.log.info({ method, route, status, ms: Math.round(took) }, 'request')
    })
  }
