import {
  DateScalar,
  DateTimeScalar,
  JSONObjectScalar,
  JSONScalarScalar,
  SafeIntScalar,
} from '@user-stats/graphql'
import { createSubgraphSchemas, loadTypeDefs, mergeResolvers } from '@user-stats/graphql/subgraph'
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

/** The executable schemas of the events subgraph: the full one, and the one for analysts. */
export const createSchemas = () =>
  createSubgraphSchemas({
    typeDefs: loadTypeDefs(import.meta.dirname),
    resolvers: mergeResolvers<Resolvers>(
      {
        Date: DateScalar,
        DateTime: DateTimeScalar,
        JSONObject: JSONObjectScalar,
        JSONScalar: JSONScalarScalar,
        SafeInt: SafeIntScalar,
      },
      aggregateResolvers,
      analyticsResolvers,
      auditResolvers,
      commandResolvers,
      eventResolvers,
      idempotencyKeyResolvers,
      storeResolvers,
      userResolvers,
      verificationResolvers,
    ),
  })
