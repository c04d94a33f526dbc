import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DomainError } from '@user-stats/core'
import { sendProblem } from './problem-details.ts'

/** Paths and methods that nothing answers: 404, and 405 with those that do, whatever the body is. */
export function registerUnknownPaths(app: FastifyInstance): void {
  function refusal(request: FastifyRequest, reply: FastifyReply): DomainError {
    // Fastify's types say that a route is always found.
    const routeOf = (method: string): unknown => app.findRoute({ method, url: request.url })
    const other = ['GET', 'POST', 'PATCH', 'DELETE'].filter(
      (method) => method !== request.method && routeOf(method) !== null,
    )
    if (other.length > 0) void reply.header('allow', other.join(', '))
    return new DomainError(other.length > 0 ? 'METHOD_NOT_ALLOWED' : 'NOT_FOUND')
  }

  // Not by the handler below, before which the body would be read.
  app.addHook('onRequest', (request, reply, done) => {
    if (request.is404) void sendProblem(reply, refusal(request, reply))
    else done()
  })
  app.setNotFoundHandler((request, reply) => {
    void sendProblem(reply, refusal(request, reply))
  })
}
