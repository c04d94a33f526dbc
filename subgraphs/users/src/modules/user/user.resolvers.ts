import { DomainError, toConnection } from '@user-stats/core'
import type { Resolvers } from '../../../generated/resolvers.ts'
import { loadStore } from '../store/store.loader.ts'
import type { Registered } from './register.ts'

const toResult = (outcome: Registered) =>
  outcome instanceof DomainError
    ? { user: null, error: { code: outcome.code, field: outcome.field ?? null, message: outcome.message } }
    : { user: outcome, error: null }

const toPayload = (outcomes: readonly Registered[]) => {
  const results = outcomes.map(toResult)
  const rejectedCount = results.filter(({ error }) => error !== null).length
  return { results, rejectedCount, createdCount: results.length - rejectedCount }
}

export const userResolvers: Resolvers = {
  Query: {
    user: (_, { id }, { session, users }) => users.byId(session, id),
    exportUser: async (_, { id }, { session, users }) => {
      const user = await users.exported(session, id)
      return { user, path: `/api/user/${user.id}/export` }
    },
    userByEmail: (_, { email, storeId }, { session, users }) => users.byEmail(session, email, storeId),
    userByExternalId: (_, { externalId, storeId }, { session, users }) =>
      users.byExternalId(session, externalId, storeId),
    users: async (_, { storeId, first, after }, { session, users }) =>
      toConnection(await users.page(session, storeId, { first, after })),
  },
  Mutation: {
    createUser: async (_, { input }, { session, users }) => ({ user: await users.create(session, input) }),
    createUsers: async (_, { input }, { session, users }) =>
      toPayload(await users.createMany(session, input.users)),
    updateUser: async (_, { input }, { session, users }) => ({ user: await users.update(session, input) }),
    updateUserByEmail: async (_, { input }, { session, users }) => ({
      user: await users.updateByEmail(session, input),
    }),
    deleteUser: async (_, { input: { id } }, { session, erasures }) => {
      await erasures.deletePersonalData(session, id)
      return { deletedUserId: id }
    },
    deleteStoreUsers: async (_, { input }, { session, erasures }) => ({
      deletedCount: await erasures.deletePersonalDataOfStore(session, input.storeId),
    }),
  },
  User: {
    __resolveReference: ({ storeId, ref }, { loaders }) => loaders.user.load({ storeId, ref }),
    ref: ({ id }) => id,
    store: ({ storeId }, _, { loaders }) => loadStore(loaders.store, storeId),
  },
}
