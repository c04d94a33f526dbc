import type { Resolvers } from '../../../generated/resolvers.ts'

export const verificationResolvers: Resolvers = {
  Query: {
    verifyRollups: (_, { storeId, from, to }, context) =>
      context.verification.verify(context, storeId ?? null, { from, to }, context.signal),
  },
}
