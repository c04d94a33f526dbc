import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DomainError } from '@user-stats/core'
import { sendProblem } from './problem-details.ts'

/**
 * Unknown paths answer 404; known paths with another method answer 405 and list the allowed ones, whatever
 * the body.
 */
export function registerUnknownPaths(app: FastifyInstance): void {
  function refusal(request: FastifyRequest, reply: FastifyReply): DomainError {
    // Fastify's types claim that a route is always found.
    const routeOf = (method: string): unknown => app.findRoute({ method, url: request.url })
    const other = ['GET', 'POST', 'PATCH', 'DELETE'].filter(
      (method) => method !== request.method && routeOf(method) !== null,
    )
    if (other.length > 0) void reply.header('allow', other.join(', '))
    return new DomainError(other.length > 0 ? 'METHOD_NOT_ALLOWED' : 'NOT_FOUND')
  }

  // Not in the not-found handler: the body would be read before it.
  app.addHook('onRequest', (request, reply, done) => {
    if (request.is404) void sendProblem(reply, refusal(request, reply))
    else done()
  })
  app.setNotFoundHandler((request, reply) => {
    void sendProblem(reply, refusal(request, reply))
  })
}
