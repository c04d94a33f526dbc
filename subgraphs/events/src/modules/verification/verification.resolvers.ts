import type { Resolvers } from '../../../generated/resolvers.ts'

export const verificationResolvers: Resolvers = {
  Query: {
    verifyRollups: (_, { storeId, from, to }, { caller, verification }) =>
      verification.verify(caller, storeId ?? null, from, to),
  },
}
