import type { Resolvers } from '../../../generated/resolvers.ts'
import { toConnection } from '../event/event.resolvers.ts'

export const userResolvers: Resolvers = {
  User: {
    __resolveReference: ({ storeId, ref }, { caller, users }) => users.reference(caller, { storeId, ref }),
    events: async ({ storeId, ref }, { first, after, ...filter }, { caller, events }) =>
      toConnection(
        await events.page(caller, storeId, { ...filter, userId: ref }, { first, after: after ?? null }),
      ),
    eventCount: async ({ storeId, ref }, _, { loaders }) =>
      (await loaders.activity.load({ storeId, ref })).eventCount,
    lastSeenAt: async ({ storeId, ref }, _, { loaders }) =>
      (await loaders.activity.load({ storeId, ref })).lastSeenAt,
  },
}
