import type { Resolvers } from '../../../generated/resolvers.ts'

export const tokenResolvers: Resolvers = {
  Mutation: {
    authenticate: async (_, { input: { apiKey } }, { tokens, rates, address }) => ({
      ...(await rates.tryKey(address, apiKey, () => tokens.authenticate(apiKey))),
      tokenType: 'Bearer',
    }),
  },
}
