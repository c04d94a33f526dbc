import { toConnection } from '@user-stats/core'
import type { Resolvers } from '../../../generated/resolvers.ts'

export const apiKeyResolvers: Resolvers = {
  Query: {
    apiKeys: async (_, { storeId, first, after }, { session, apiKeys }) =>
      toConnection(await apiKeys.page(session, storeId, { first, after })),
  },
  Mutation: {
    createApiKey: (_, { input }, { session, apiKeys }) => apiKeys.create(session, input),
    rotateApiKey: (_, { input: { id, overlapSeconds = 86_400 } }, { session, apiKeys }) =>
      apiKeys.rotate(session, id, overlapSeconds),
    revokeApiKey: async (_, { input }, { session, apiKeys }) => ({
      apiKey: await apiKeys.revoke(session, input.id),
    }),
  },
  ApiKey: {
    store: ({ storeId }, _, { loaders }) => (storeId === null ? null : loaders.store.load(storeId)),
  },
}
