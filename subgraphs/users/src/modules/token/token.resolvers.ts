import type { Resolvers } from '../../../generated/resolvers.ts'

export const tokenResolvers: Resolvers = {
  Mutation: {
    authenticate: async (_, { input }, { tokens }) => ({
      ...(await tokens.authenticate(input.apiKey)),
      tokenType: 'Bearer',
    }),
  },
}
