import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { concatAST, parse, type GraphQLSchema } from 'graphql'
import {
  DateScalar,
  DateTimeScalar,
  forAnalysts,
  JSONObjectScalar,
  JSONScalarScalar,
  refuseUnknownEntities,
  SafeIntScalar,
  type SubgraphParts,
} from '@user-stats/graphql'
import type { Resolvers } from '../generated/resolvers.ts'
import { aggregateResolvers } from './modules/aggregate/aggregate.resolvers.ts'
import { analyticsResolvers } from './modules/analytics/analytics.resolvers.ts'
import { auditResolvers } from './modules/audit/audit.resolvers.ts'
import { commandResolvers } from './modules/command/command.resolvers.ts'
import { eventResolvers } from './modules/event/event.resolvers.ts'
import { idempotencyKeyResolvers } from './modules/idempotency-key/idempotency-key.resolvers.ts'
import { storeResolvers } from './modules/store/store.resolvers.ts'
import { userResolvers } from './modules/user/user.resolvers.ts'
import { verificationResolvers } from './modules/verification/verification.resolvers.ts'

const typeDefs = concatAST(
  readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.graphql'))
    .sort()
    .map((file) => parse(readFileSync(join(import.meta.dirname, file), 'utf8'))),
)

const resolvers: Resolvers = {
  Date: DateScalar,
  DateTime: DateTimeScalar,
  JSONObject: JSONObjectScalar,
  JSONScalar: JSONScalarScalar,
  SafeInt: SafeIntScalar,
  ...aggregateResolvers,
  ...commandResolvers,
  ...storeResolvers,
  ...userResolvers,
  ...eventResolvers,
  Query: {
    ...eventResolvers.Query,
    ...aggregateResolvers.Query,
    ...analyticsResolvers.Query,
    ...auditResolvers.Query,
    ...verificationResolvers.Query,
    ...idempotencyKeyResolvers.Query,
  },
  Mutation: { ...eventResolvers.Mutation, ...commandResolvers.Mutation },
}

const executable = (parts: SubgraphParts): GraphQLSchema =>
  // The generated types are stricter than the builder's.
  refuseUnknownEntities(buildSubgraphSchema(parts as never))

/** The executable schemas of the events subgraph: the full one, and the one for analysts. */
export const createSchemas = () => {
  const parts: SubgraphParts = { typeDefs, resolvers }
  return { everyone: executable(parts), analysts: executable(forAnalysts(parts)) }
}
