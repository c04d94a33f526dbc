import type { FastifyInstance } from 'fastify'
import { DomainError } from '@user-stats/core'
import type { GraphServer, MakeContext, RequestContext } from '@user-stats/graphql'
import { execute } from './execute-operation.ts'
import { requireValidRequest, validatorCompilerOf } from './request-validation.ts'
import { routeSchemaOf } from './route-schema.ts'
import type { RestInput, RestRoute } from './rest-route.ts'

export interface RestOptions<Context extends RequestContext> {
  readonly routes: readonly RestRoute[]
  readonly server: GraphServer<Context>
  readonly context: MakeContext<Context>
}

/**
 * Serves a table of REST routes over a graph, in process. Each request becomes one GraphQL operation with the
 * caller's own identity; all rules are in the graph.
 */
export function registerRest<Context extends RequestContext>(
  app: FastifyInstance,
  { routes, server, context }: RestOptions<Context>,
): void {
  for (const route of routes)
    app.route({
      method: route.method,
      url: route.url,
      config: {
        access: route.public === true ? 'anonymous' : 'token',
        ...(route.plainText === true && { plainText: true }),
      },
      schema: routeSchemaOf(route),
      validatorCompiler: validatorCompilerOf(route),
      // Reported below, after the caller is identified.
      attachValidation: true,
      // The route shapes the reply; its schema only describes it.
      serializerCompiler: () => JSON.stringify,
      handler: async (request, reply) => {
        const contextValue = await context(request, reply)
        requireValidRequest(request)
        const { params, query, headers, body } = request
        const input = { params, query, headers, body } as RestInput
        const fields = typeof route.fields === 'function' ? route.fields(input) : route.fields
        const { operation } = route
        const data = await execute(server, { operation, fields }, route.variables(input), contextValue)
        if (route.missing !== undefined && data[route.missing.field] == null)
          throw new DomainError(route.missing.code)
        return reply.code(route.status).send(route.reply(data as never, input))
      },
    })
}
