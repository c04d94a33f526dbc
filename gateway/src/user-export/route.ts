import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { failedRequestOf, toPublicError } from '@user-stats/http'
import { execute } from '@user-stats/rest'
import type { GraphServer, RequestContext } from '@user-stats/graphql'
import { exportSchema } from './schema.ts'
import { streamExport } from './stream.ts'
import { readUser, type ExecuteAsCaller } from './queries.ts'

export interface ExportOptions {
  readonly server: GraphServer<RequestContext>
  readonly context: (request: FastifyRequest, reply: FastifyReply) => Promise<RequestContext>
  readonly clock?: () => Date
}

/**
 * `GET /api/user/:id/export`: streams everything stored about a user as fast as the client reads, with one
 * page in memory. Each page is an operation with the caller's token, which must stay valid. An error after
 * the first page closes the connection.
 */
export function registerExport(
  app: FastifyInstance,
  { server, context, clock = () => new Date() }: ExportOptions,
): void {
  app.get<{ Params: { id: string } }>(
    '/api/user/:id/export',
    {
      exposeHeadRoute: false,
      config: { access: 'token' },
      schema: exportSchema,
      serializerCompiler: () => JSON.stringify,
    },
    async (request, reply) => {
      const disconnected = disconnectSignal(reply)
      const executePage: ExecuteAsCaller = async (operation, variables) => {
        disconnected.throwIfAborted()
        // A new context per page: it has its own deadline and verifies the token again.
        const fresh = await context(request, reply)
        const page: RequestContext = Object.defineProperties(fresh, {
          signal: { value: disconnected, writable: true },
        })
        return await execute(server, { operation }, variables, page)
      }
      const startedAt = clock()
      const user = await readUser(executePage, request.params.id)
      return reply
        .header('content-type', 'application/json; charset=utf-8')
        .header('content-disposition', `attachment; filename="user-${user.id}.json"`)
        .header('cache-control', 'no-store')
        .send(
          Readable.from(reportAborted(streamExport(executePage, user, startedAt), request, reply), {
            objectMode: false,
          }),
        )
    },
  )
}

/** Reports an error that comes too late for an error response. */
async function* reportAborted<T>(document: AsyncIterable<T>, request: FastifyRequest, reply: FastifyReply) {
  try {
    yield* document
  } catch (thrown) {
    const error = toPublicError(thrown)
    if (reply.raw.headersSent && !reply.raw.destroyed)
      reply.server.errors.report([{ code: error.code, error }], failedRequestOf(request))
    throw thrown
  }
}

/** Aborts when the client disconnects before the end. */
function disconnectSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort()
  })
  return controller.signal
}
