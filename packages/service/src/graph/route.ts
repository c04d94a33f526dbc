import { HeaderMap, type HTTPGraphQLRequest } from '@apollo/server'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { toAnswerable } from '../http/app.ts'
import type { Metrics } from '../http/metrics.ts'
import { graphqlExtensions } from './errors.ts'
import { readPlainRequest } from './known-request.ts'
import type { RequestContext } from './request.ts'
import type { GraphServer } from './server.ts'
import { headOf } from './status.ts'

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

/** Answers what the short path can. */
async function answerKnown<Context extends RequestContext>(
  server: GraphServer<Context>,
  request: FastifyRequest,
  reply: FastifyReply,
  context: Context,
): Promise<boolean> {
  const plain = readPlainRequest(request)
  const answer = plain && (await server.executeKnown(plain, context))
  if (plain === undefined || answer === undefined) return false
  void reply.header('cache-control', 'no-store').header('content-type', plain.contentType)
  if ('text' in answer) void reply.send(answer.text)
  else {
    const { status, headers } = headOf(answer, plain.contentType.startsWith('application/graphql'))
    const { data, errors } = answer
    void reply
      .code(status ?? (data === undefined ? 500 : 200))
      .headers(headers)
      .send(`${JSON.stringify({ errors, data })}\n`)
  }
  return true
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
        if (await answerKnown(server, request, reply, contextValue)) return reply
        const { headers, body, status } = await server.executeHttp(toGraphqlRequest(request), contextValue)
        for (const [name, value] of headers) void reply.header(name, value)
        void reply.code(status ?? 200)
        // We have no @defer: an answer is always complete.
        return body.kind === 'complete' ? body.string : reply.send(body.asyncIterator)
      },
    })
    done()
  })
}
