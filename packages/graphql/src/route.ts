import { HeaderMap, type HTTPGraphQLRequest } from '@apollo/server'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { DomainError, parseJson } from '@user-stats/core'
import { failedRequestOf, type PageHandler } from '@user-stats/http'
import { acceptsJson } from './accept.ts'
import { wantsExtensions } from './limits/cost-extension.ts'
import { answerCached } from './answer.ts'
import { answerFailures } from './errors/answer-failure.ts'
import { reportErrors } from './errors/report-errors.ts'
import type { MakeContext } from './context.ts'
import { readPlainRequest } from './plain-request.ts'
import type { RequestContext } from './request.ts'
import type { GraphServer } from './graph-server.ts'

export interface GraphRouteOptions<Context extends RequestContext> {
  readonly server: GraphServer<Context>
  readonly context: MakeContext<Context>
  /** Serves a page to a browser; true when it did. */
  readonly page?: PageHandler
}

function toGraphqlRequest({ method, headers, body, url }: FastifyRequest): HTTPGraphQLRequest {
  const map = new HeaderMap()
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value)
  if (!acceptsJson(headers.accept)) map.set('accept', 'application/json')
  const query = url.indexOf('?')
  return { method, headers: map, body, search: query === -1 ? '' : url.slice(query) }
}

/**
 * Applies the rules for bodies to the variables of a GET: Apollo Server parses them as any JSON.
 *
 * @throws BAD_USER_INPUT when a double would change a number in them, or they are nested too deep
 */
function checkVariables({ method, search }: HTTPGraphQLRequest): void {
  const variables = method === 'GET' ? new URLSearchParams(search).get('variables') : null
  if (variables === null) return
  try {
    parseJson(Buffer.from(variables))
  } catch (error) {
    // Apollo Server reports invalid JSON.
    if (error instanceof DomainError && error.code === 'BAD_USER_INPUT') throw error
  }
}

/** `GET` and `POST /graphql`. */
export function registerGraph<Context extends RequestContext>(
  app: FastifyInstance,
  { server, context, page }: GraphRouteOptions<Context>,
): void {
  app.register((scope, _options, done) => {
    answerFailures(scope)
    scope.route({
      method: ['GET', 'POST'],
      url: '/graphql',
      config: { access: 'optional', publishable: true },
      handler: async (request, reply) => {
        if (page !== undefined && (await page(request, reply))) return reply
        // Before Apollo Server, which would answer a rejected token with an error of its own.
        const contextValue = await context(request, reply)
        if (Array.isArray(request.body))
          throw new DomainError('BAD_REQUEST', {
            message:
              'Batches are not supported. Send one operation per request; it may have several root fields.',
          })
        const failed = () => failedRequestOf(request)
        const plain = readPlainRequest(request)
        const known =
          plain &&
          (await answerCached(server, plain, contextValue, {
            mediaType: plain.contentType,
            includeExtensions: wantsExtensions(request.headers.prefer),
          }))
        if (plain && known) {
          reportErrors(app.errors, known, failed)
          return reply
            .code(known.status)
            .headers(known.headers)
            .header('cache-control', 'no-store')
            .header('content-type', plain.contentType)
            .send(known.text)
        }
        const graphqlRequest = toGraphqlRequest(request)
        checkVariables(graphqlRequest)
        const answer = await server.executeHttp(graphqlRequest, contextValue)
        reportErrors(app.errors, answer, failed)
        const { headers, body, status } = answer
        for (const [name, value] of headers) void reply.header(name, value)
        void reply.code(status ?? 200)
        // Without @defer, a response is always complete.
        return body.kind === 'complete' ? body.string : reply.send(body.asyncIterator)
      },
    })
    done()
  })
}
