import { DateTimeScalar, SafeIntScalar } from '@user-stats/graphql'
import { createSubgraphSchemas, loadTypeDefs, mergeResolvers } from '@user-stats/graphql/subgraph'
import type { Resolvers } from '../generated/resolvers.ts'
import { apiKeyResolvers } from './modules/api-key/api-key.resolvers.ts'
import { auditResolvers } from './modules/audit/audit.resolvers.ts'
import { commandResolvers } from './modules/command/command.resolvers.ts'
import { erasureResolvers } from './modules/erasure/erasure.resolvers.ts'
import { storeResolvers } from './modules/store/store.resolvers.ts'
import { tokenResolvers } from './modules/token/token.resolvers.ts'
import { userResolvers } from './modules/user/user.resolvers.ts'

/** The executable schemas of the users subgraph: the full one, and the one for analysts. */
export const createSchemas = () =>
  createSubgraphSchemas({
    typeDefs: loadTypeDefs(import.meta.dirname),
    resolvers: mergeResolvers<Resolvers>(
      { DateTime: DateTimeScalar, SafeInt: SafeIntScalar },
      apiKeyResolvers,
      auditResolvers,
      commandResolvers,
      erasureResolvers,
      storeResolvers,
      tokenResolvers,
      userResolvers,
    ),
  })
