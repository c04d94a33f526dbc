import { DomainError } from '@user-stats/core'
import type { Resolvers } from '../../../generated/resolvers.ts'
import { toEventConnection } from '../event/event.resolvers.ts'

/** A field of another subgraph: the gateway never requests it here, but direct clients may. */
const foreign = {
  id: (): never => {
    throw new DomainError('USER_NOT_FOUND', {
      message: 'Only the users service has the ids of registered users: send the query to the gateway.',
    })
  },
}

export const userResolvers: Resolvers = {
  User: {
    __resolveReference: ({ storeId, ref }, { caller, users }) => users.reference(caller, { storeId, ref }),
    ...foreign,
    events: async ({ storeId, ref }, { first, after, ...filter }, { caller, events }) =>
      toEventConnection(
        await events.page(caller, storeId, { ...filter, userId: ref }, { first, after: after ?? null }),
      ),
    eventCount: async ({ storeId, ref }, _, { loaders }) =>
      (await loaders.activity.load({ storeId, ref })).eventCount,
    lastSeenAt: async ({ storeId, ref }, _, { loaders }) =>
      (await loaders.activity.load({ storeId, ref })).lastSeenAt,
  },
}
