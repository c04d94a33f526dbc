import type { Resolvers } from '../../../generated/resolvers.ts'

export const auditResolvers: Resolvers = {
  Query: {
    eventsAuditLog: (_, { first, after, ...filter }, { caller, audit }) =>
      audit.page(caller, filter, { first, after: after ?? null }),
  },
}
