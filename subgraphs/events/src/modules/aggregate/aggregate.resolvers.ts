import type { Resolvers } from '../../../generated/resolvers.ts'

export const aggregateResolvers: Resolvers = {
  Query: {
    eventAmount: (_, { storeId, type, from, to, offset, limit }, { caller, aggregates }) =>
      aggregates.eventAmount(caller, storeId, type, { from, to, offset, limit }),
    eventAverage: (_, { storeId, type, from, to, offset, limit }, { caller, aggregates }) =>
      aggregates.eventAverage(caller, storeId, type, { from, to, offset, limit }),
    storeEventAmount: (_, { storeId, from, to, offset, limit }, { caller, aggregates }) =>
      aggregates.storeEventAmount(caller, storeId, null, { from, to, offset, limit }),
    eventTypes: (_, { storeId, from, to, offset, limit }, { caller, aggregates }) =>
      aggregates.eventTypes(caller, storeId, { from, to, offset, limit }),
    topEventTypes: (_, { storeId, from, to, offset, limit }, { caller, aggregates }) =>
      aggregates.topEventTypes(caller, storeId, { from, to, offset, limit }),
  },
}
