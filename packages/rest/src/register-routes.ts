import type { FastifyInstance } from 'fastify'
import { DomainError } from '@user-stats/core'
import type { GraphServer, MakeContext, RequestContext } from '@user-stats/graphql'
import { execute } from './execute-operation.ts'
import { requireValidRequest, validatorCompilerOf } from './request-validation.ts'
import { routeSchemaOf } from './route-schema.ts'
import type { RestInput, RestRow } from './row.ts'

export interface RestOptions<Context extends RequestContext> {
  readonly rows: readonly RestRow[]
  readonly server: GraphServer<Context>
  readonly context: MakeContext<Context>
}

/**
 * Serves a table of REST rows over a graph, in process. Each request becomes one GraphQL operation with the caller's
 * own identity; every rule lives behind the graph.
 */
export function registerRest<Context extends RequestContext>(
  app: FastifyInstance,
  { rows, server, context }: RestOptions<Context>,
): void {
  for (const row of rows)
    app.route({
      method: row.method,
      url: row.url,
      config: {
        access: row.public === true ? 'anonymous' : 'token',
        ...(row.plainText === true && { plainText: true }),
      },
      schema: routeSchemaOf(row),
      validatorCompiler: validatorCompilerOf(row),
      // Reported below, once it is known who asks.
      attachValidation: true,
      // A reply has its shape from the row; its schema describes it.
      serializerCompiler: () => JSON.stringify,
      handler: async (request, reply) => {
        const contextValue = await context(request, reply)
        requireValidRequest(request)
        const { params, query, headers, body } = request
        const input = { params, query, headers, body } as RestInput
        const data = await execute(server, row, row.variables(input), contextValue)
        if (row.missing !== undefined && data[row.missing.field] == null)
          throw new DomainError(row.missing.code)
        return reply.code(row.status).send(row.reply(data as never, input))
      },
    })
}
