import { toConnection } from '@user-stats/core'
import type { Resolvers } from '../../../generated/resolvers.ts'

export const commandResolvers: Resolvers = {
  Query: {
    undeliveredCommands: async (_, page, { session, undelivered }) =>
      toConnection(await undelivered.page(session, page)),
  },
  Mutation: {
    retryCommand: async (_, { input }, { session, undelivered }) => ({
      command: await undelivered.retry(session, input.id),
    }),
  },
  OutboxCommand: {
    id: ({ id }) => String(id),
    storeId: ({ storeId }) => (storeId === 0 ? null : storeId),
    failedAttempts: ({ attempts }) => attempts,
  },
}
