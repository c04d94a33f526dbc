import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { DomainError } from '@user-stats/core'
import { execute } from '@user-stats/rest'
import type { GraphServer, RequestContext } from '@user-stats/graphql'
import { documentOf } from './stream.ts'
import { readUser, type Ask } from './queries.ts'

export interface ExportOptions {
  readonly server: GraphServer<RequestContext>
  readonly context: (request: FastifyRequest, reply: FastifyReply) => Promise<RequestContext>
  readonly clock?: () => Date
}

/**
 * `GET /api/user/:id/export`: everything held about a user, streamed as fast as the client reads, a page in memory at a
 * time. It asks the graph page by page with the caller's own token, which must work to the end. What goes wrong after
 * the first page cuts the connection.
 */
export function registerExport(
  app: FastifyInstance,
  { server, context, clock = () => new Date() }: ExportOptions,
): void {
  app.get<{ Params: { id: string } }>(
    '/api/user/:id/export',
    { exposeHeadRoute: false },
    async (request, reply) => {
      const { caller } = await context(request, reply)
      if (caller.role === 'NOBODY') throw new DomainError('UNAUTHENTICATED')
      const gone = goneSignal(reply)
      const ask: Ask = async (operation, variables) => {
        gone.throwIfAborted()
        // One for each page: it has its own deadline, and the token must still be good.
        const own = await context(request, reply)
        const page: RequestContext = Object.defineProperties(own, { signal: { value: gone, writable: true } })
        return await execute(server, { operation }, variables, page)
      }
      const startedAt = clock()
      const user = await readUser(ask, request.params.id)
      return reply
        .header('content-type', 'application/json; charset=utf-8')
        .header('content-disposition', `attachment; filename="user-${user.id}.json"`)
        .header('cache-control', 'no-store')
        .send(Readable.from(documentOf(ask, user, startedAt), { objectMode: false }))
    },
  )
}

/** Aborted when the client goes away before the end. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort()
  })
  return controller.signal
}
