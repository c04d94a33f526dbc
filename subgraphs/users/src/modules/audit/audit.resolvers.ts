import type { Resolvers } from '../../../generated/resolvers.ts'

export const auditResolvers: Resolvers = {
  Query: {
    auditLog: (_, { first, after, ...filter }, { session, audit }) =>
      audit.page(session, filter, { first, after }),
  },
}
