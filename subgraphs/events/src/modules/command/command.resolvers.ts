import type { Resolvers } from '../../../generated/resolvers.ts'

export const commandResolvers: Resolvers = {
  ApplyErasurePayload: {
    rows: ({ rows }) =>
      Object.entries(rows)
        .map(([table, count]) => ({ table, count }))
        .sort((a, b) => (a.table < b.table ? -1 : 1)),
  },
  Mutation: {
    applyStoreAccess: (_, { input }, { caller, commands }) => commands.applyStoreAccess(caller, input),
    applyStoreSettings: (_, { input }, { caller, commands }) => commands.applyStoreSettings(caller, input),
    applyKeyRevocation: (_, { input }, { caller, commands }) => commands.applyKeyRevocation(caller, input),
    applyUserErasure: (_, { input }, context) => context.commands.applyUserErasure(context, input),
    applyStoreDeletion: (_, { input }, context) => context.commands.applyStoreDeletion(context, input),
  },
}
