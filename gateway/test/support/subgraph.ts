import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { DateScalar, DateTimeScalar, JSONObjectScalar, SafeIntScalar } from '@user-stats/graphql'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { concatAST, graphql, parse, type DocumentNode } from 'graphql'

type Resolver = (parent: never, args: never) => unknown
export type Resolvers = Readonly<Record<string, Readonly<Record<string, Resolver>>>>

/** One request that reached a subgraph. */
export interface Hit {
  readonly query: string
  readonly variables: Readonly<Record<string, unknown>>
  readonly headers: IncomingHttpHeaders
}

export interface SubgraphOptions {
  readonly typeDefs: DocumentNode
  readonly resolvers: Resolvers
  readonly routes?: (app: FastifyInstance) => void
}

export interface Subgraph extends AsyncDisposable {
  readonly origin: string
  /** Every request so far, in order. */
  readonly hits: Hit[]
  /** Answers in place of the resolvers, until told otherwise. */
  answering: ((reply: FastifyReply) => unknown) | undefined
  /** Answers whole batches, which are not taken otherwise. */
  answeringBatches: ((reply: FastifyReply) => unknown) | undefined
  readonly close: () => Promise<void>
}

/** The SDL that a subgraph of ours publishes. */
export function sdlOf(name: 'users' | 'events'): DocumentNode {
  const folder = join(import.meta.dirname, '../../../subgraphs', name, 'src')
  return concatAST(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.graphql'))
      .map((file) => parse(readFileSync(join(folder, file), 'utf8'))),
  )
}

const scalars = { DateTime: DateTimeScalar, SafeInt: SafeIntScalar }
const allScalars = { ...scalars, Date: DateScalar, JSONObject: JSONObjectScalar }

/** A small HTTP service over a subgraph's SDL, on a free port. */
export async function startSubgraph({ typeDefs, resolvers, routes }: SubgraphOptions): Promise<Subgraph> {
  const known = typeDefs.definitions.flatMap((node) => ('name' in node && node.name ? [node.name.value] : []))
  const schema = buildSubgraphSchema({
    typeDefs,
    resolvers: {
      ...Object.fromEntries(Object.entries(allScalars).filter(([name]) => known.includes(name))),
      ...resolvers,
    } as never,
  })
  const app = Fastify()
  const hits: Hit[] = []
  app.post('/graphql', async (request, reply) => {
    const { query, variables } = request.body as Hit
    hits.push({ query, variables, headers: request.headers })
    if (subgraph.answering) return subgraph.answering(reply)
    return await graphql({ schema, source: query, variableValues: variables })
  })
  app.post('/graphql/batch', (_request, reply) => {
    if (subgraph.answeringBatches) return subgraph.answeringBatches(reply)
    reply.callNotFound()
    return reply
  })
  routes?.(app)
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  const close = async () => {
    app.server.closeAllConnections()
    await app.close()
  }
  const subgraph: Subgraph = {
    origin,
    hits,
    answering: undefined,
    answeringBatches: undefined,
    close,
    [Symbol.asyncDispose]: close,
  }
  return subgraph
}
