import { HeaderMap, type HTTPGraphQLRequest } from '@apollo/server'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { toAnswerable } from '../http/app.ts'
import type { Metrics } from '../http/metrics.ts'
import { graphqlExtensions } from './errors.ts'
import type { GraphServer, RequestContext } from './server.ts'

export interface GraphRouteOptions<Context extends RequestContext> {
  readonly server: GraphServer<Context>
  readonly context: (request: FastifyRequest, reply: FastifyReply) => Promise<Context>
  readonly metrics: Metrics
  /** Answers a browser that asks for a page; true when it did. */
  readonly page?: (request: FastifyRequest, reply: FastifyReply) => Promise<boolean> | boolean
}

function toGraphqlRequest({ method, headers, body, url }: FastifyRequest): HTTPGraphQLRequest {
  const map = new HeaderMap()
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value)
  const query = url.indexOf('?')
  return { method, headers: map, body, search: query === -1 ? '' : url.slice(query) }
}

/** `GET` and `POST /graphql`. */
export function registerGraph<Context extends RequestContext>(
  app: FastifyInstance,
  { server, context, metrics, page }: GraphRouteOptions<Context>,
): void {
  app.register((room, _options, done) => {
    // A GraphQL client reads errors, not problem documents.
    room.setErrorHandler((error, request, reply) => {
      const known = toAnswerable(error, request.log, metrics)
      if (known.retryAfter !== undefined) void reply.header('retry-after', String(known.retryAfter))
      if (known.status === 401) void reply.header('www-authenticate', 'Bearer')
      // What breaks a rule of ours before a document was read is a bad request to GraphQL over HTTP.
      void reply
        .code(known.status === 422 ? 400 : known.status)
        .send({ errors: [{ message: known.message, extensions: graphqlExtensions(known) }] })
    })
    room.route({
      method: ['GET', 'POST'],
      url: '/graphql',
      handler: async (request, reply) => {
        if (page !== undefined && (await page(request, reply))) return reply
        // Outside Apollo Server, which would answer a refused token as an error of its own.
        const contextValue = await context(request, reply)
        const { headers, body, status } = await server.executeHTTPGraphQLRequest({
          httpGraphQLRequest: toGraphqlRequest(request),
          context: () => Promise.resolve(contextValue),
        })
        for (const [name, value] of headers) void reply.header(name, value)
        void reply.code(status ?? 200)
        // We have no @defer: an answer is always complete.
        return body.kind === 'complete' ? body.string : reply.send(body.asyncIterator)
      },
    })
    done()
  })
}
