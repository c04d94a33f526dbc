import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { concatAST, parse, type GraphQLSchema } from 'graphql'
import {
  DateTimeScalar,
  forAnalysts,
  refuseUnknownEntities,
  SafeIntScalar,
  type SubgraphParts,
} from '@user-stats/graphql'
import type { Resolvers } from '../generated/resolvers.ts'
import { apiKeyResolvers } from './modules/api-key/api-key.resolvers.ts'
import { auditResolvers } from './modules/audit/audit.resolvers.ts'
import { commandResolvers } from './outbox/command.resolvers.ts'
import { erasureResolvers } from './modules/erasure/erasure.resolvers.ts'
import { storeResolvers } from './modules/store/store.resolvers.ts'
import { tokenResolvers } from './modules/token/token.resolvers.ts'
import { userResolvers } from './modules/user/user.resolvers.ts'

const typeDefs = concatAST(
  readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.graphql'))
    .sort()
    .map((file) => parse(readFileSync(join(import.meta.dirname, file), 'utf8'))),
)

const resolvers: Resolvers = {
  DateTime: DateTimeScalar,
  SafeInt: SafeIntScalar,
  ...apiKeyResolvers,
  ...commandResolvers,
  ...erasureResolvers,
  ...storeResolvers,
  ...userResolvers,
  Query: {
    ...apiKeyResolvers.Query,
    ...auditResolvers.Query,
    ...commandResolvers.Query,
    ...erasureResolvers.Query,
    ...storeResolvers.Query,
    ...userResolvers.Query,
  },
  Mutation: {
    ...apiKeyResolvers.Mutation,
    ...commandResolvers.Mutation,
    ...erasureResolvers.Mutation,
    ...storeResolvers.Mutation,
    ...tokenResolvers.Mutation,
    ...userResolvers.Mutation,
  },
}

const executable = (parts: SubgraphParts): GraphQLSchema =>
  // The generated types are stricter than the builder's.
  refuseUnknownEntities(buildSubgraphSchema(parts as never))

/** The executable schemas of the users subgraph: the full one, and the one for analysts. */
export const createSchemas = () => {
  const parts: SubgraphParts = { typeDefs, resolvers }
  return { everyone: executable(parts), analysts: executable(forAnalysts(parts)) }
}
