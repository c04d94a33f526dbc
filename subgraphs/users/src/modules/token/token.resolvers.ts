import type { Resolvers } from '../../../generated/resolvers.ts'

export const tokenResolvers: Resolvers = {
  Mutation: {
    authenticate: async (_, { input: { apiKey } }, context) => ({
      ...(await context.rates.tryKey(context, apiKey, () => context.tokens.authenticate(apiKey))),
      tokenType: 'Bearer',
    }),
  },
}
