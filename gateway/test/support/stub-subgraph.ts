import type { IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { loadTypeDefs } from '@user-stats/graphql/load-type-defs'
import { DateScalar, DateTimeScalar, JSONObjectScalar, SafeIntScalar } from '@user-stats/graphql'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { graphql, type DocumentNode } from 'graphql'

type Resolver = (parent: never, args: never) => unknown
export type Resolvers = Readonly<Record<string, Readonly<Record<string, Resolver>>>>

/** An operation that a subgraph received. */
export interface ReceivedRequest {
  readonly query: string
  readonly variables: Readonly<Record<string, unknown>>
  readonly headers: IncomingHttpHeaders
}

export interface SubgraphOptions {
  readonly typeDefs: DocumentNode
  readonly resolvers: Resolvers
  readonly routes?: (app: FastifyInstance) => void
}

export interface StubSubgraph extends AsyncDisposable {
  readonly origin: string
  /** The operations received so far, in order. */
  readonly requests: ReceivedRequest[]
  /** If set, answers operations in place of the resolvers. */
  respond: ((reply: FastifyReply) => unknown) | undefined
  /** Answers batches; if unset, the subgraph has no batch endpoint. */
  respondToBatch: ((reply: FastifyReply) => unknown) | undefined
  readonly close: () => Promise<void>
}

/** The SDL of one of our subgraphs. */
export const sdlOf = (name: 'users' | 'events'): DocumentNode =>
  loadTypeDefs(join(import.meta.dirname, '../../../subgraphs', name, 'src'))

const scalars = { DateTime: DateTimeScalar, SafeInt: SafeIntScalar }
const allScalars = { ...scalars, Date: DateScalar, JSONObject: JSONObjectScalar }

/** Starts a small HTTP service over a subgraph's SDL, on a free port. */
export async function startStubSubgraph({
  typeDefs,
  resolvers,
  routes,
}: SubgraphOptions): Promise<StubSubgraph> {
  const known = typeDefs.definitions.flatMap((node) => ('name' in node && node.name ? [node.name.value] : []))
  const schema = buildSubgraphSchema({
    typeDefs,
    resolvers: {
      ...Object.fromEntries(Object.entries(allScalars).filter(([name]) => known.includes(name))),
      ...resolvers,
    } as never,
  })
  const app = Fastify()
  const requests: ReceivedRequest[] = []
  app.post('/graphql', async (request, reply) => {
    const { query, variables } = request.body as ReceivedRequest
    requests.push({ query, variables, headers: request.headers })
    if (subgraph.respond) return subgraph.respond(reply)
    return await graphql({ schema, source: query, variableValues: variables })
  })
  app.post('/graphql/batch', (_request, reply) => {
    if (subgraph.respondToBatch) return subgraph.respondToBatch(reply)
    reply.callNotFound()
    return reply
  })
  routes?.(app)
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const close = async () => {
    app.server.closeAllConnections()
    await app.close()
  }
  const subgraph: StubSubgraph = {
    origin,
    requests,
    respond: undefined,
    respondToBatch: undefined,
    close,
    [Symbol.asyncDispose]: close,
  }
  return subgraph
}
