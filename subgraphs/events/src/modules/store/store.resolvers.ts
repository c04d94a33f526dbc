import type { Resolvers } from '../../../generated/resolvers.ts'

export const storeResolvers: Resolvers = {
  Store: {
    __resolveReference: ({ id }, { caller, aggregates }) => aggregates.storeReference(caller, id),
    eventAmount: ({ id }, { type, from, to, offset, limit }, { caller, aggregates }) =>
      aggregates.storeEventAmount(caller, id, type ?? null, { from, to, offset, limit }),
  },
}
