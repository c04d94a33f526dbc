import type { Resolvers } from '../../../generated/resolvers.ts'

export const tokenResolvers: Resolvers = {
  Mutation: {
    authenticate: async (_, { input: { apiKey } }, context) => ({
      ...(await context.rates.tryKey(context.address, () => context.tokens.authenticate(apiKey))),
      tokenType: 'Bearer',
    }),
  },
}
