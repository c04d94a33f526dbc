import { toConnection } from '@user-stats/core'
import type { Resolvers } from '../../../generated/resolvers.ts'
import { analystPathsOf } from './queries.ts'

export const storeResolvers: Resolvers = {
  Query: {
    store: (_, { id }, { session, stores }) => stores.byId(session, id),
    stores: async (_, page, { session, stores }) => toConnection(await stores.page(session, page)),
  },
  Mutation: {
    createStore: async (_, { input: { name, isActive = true } }, { session, stores }) => {
      const { store, secret } = await stores.create(session, { name, isActive })
      return { store, secret, apiKey: secret }
    },
    updateStore: async (_, { input: { id, ...changes } }, { session, stores }) => ({
      store: await stores.update(session, id, changes),
    }),
    blockStore: async (_, { input }, { session, stores }) => ({
      store: await stores.block(session, input.id),
    }),
    unblockStore: async (_, { input }, { session, stores }) => ({
      store: await stores.unblock(session, input.id),
    }),
    deleteStore: async (_, { input: { id } }, { session, erasures, signal }) => {
      const erasure = await erasures.eraseStore(session, id, signal)
      const { usersDeleted, eventsDeleted } = erasure
      return { deletedStoreId: id, usersDeleted, eventsDeleted, erasure }
    },
  },
  Store: {
    __resolveReference: ({ id }, { loaders }) => loaders.store.load(id),
    isActive: ({ state }) => state === 'ACTIVE',
    analystDataPaths: (store) => analystPathsOf(store),
  },
}
