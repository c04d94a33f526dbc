import type { Resolvers } from '../../../generated/resolvers.ts'

export const commandResolvers: Resolvers = {
  Mutation: {
    applyStoreAccess: (_, { input }, { caller, commands }) => commands.applyStoreAccess(caller, input),
    applyStoreSettings: (_, { input }, { caller, commands }) => commands.applyStoreSettings(caller, input),
    applyKeyRevocation: (_, { input }, { caller, commands }) => commands.applyKeyRevocation(caller, input),
    applyUserErasure: (_, { input }, context) => context.commands.applyUserErasure(context, input),
    applyStoreDeletion: (_, { input }, context) => context.commands.applyStoreDeletion(context, input),
  },
}
