import type { Resolvers } from '../../../generated/resolvers.ts'

export const commandResolvers: Resolvers = {
  Mutation: {
    applyStoreAccess: (_, { input }, { caller, commands }) => commands.applyStoreAccess(caller, input),
    applyStoreSettings: (_, { input }, { caller, commands }) => commands.applyStoreSettings(caller, input),
    applyKeyRevocation: (_, { input }, { caller, commands }) => commands.applyKeyRevocation(caller, input),
    applyUserErasure: (_, { input }, { caller, commands }) => commands.applyUserErasure(caller, input),
    applyStoreDeletion: (_, { input }, { caller, commands }) => commands.applyStoreDeletion(caller, input),
  },
}
