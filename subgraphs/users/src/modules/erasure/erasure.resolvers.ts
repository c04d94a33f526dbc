import { toConnection } from '@user-stats/core'
import type { Resolvers } from '../../../generated/resolvers.ts'
import type { ErasureRecord } from './erasure.types.ts'

const progressOf = ({ state, eventsTotal, eventsDeleted, eventsAnonymised }: ErasureRecord): number => {
  if (state === 'DONE') return 1
  const total = Number(eventsTotal ?? 0)
  return total === 0 ? 0 : Math.min(1, Number(eventsDeleted + eventsAnonymised) / total)
}

const toPayload = (erasure: ErasureRecord) => ({
  eventsDeleted: erasure.eventsDeleted,
  eventsAnonymised: erasure.eventsAnonymised,
  erasure,
})

export const erasureResolvers: Resolvers = {
  Query: {
    erasure: (_, { id }, { session, erasures }) => erasures.byId(session, id),
    erasures: async (_, { first, after, ...filter }, { session, erasures }) =>
      toConnection(await erasures.page(session, filter, { first, after })),
  },
  Mutation: {
    eraseUser: async (_, { input: { id, events = 'ERASE' } }, { session, erasures, signal }) => ({
      ...toPayload(await erasures.eraseUser(session, id, events, signal)),
      erasedUserId: id,
    }),
    eraseVisitor: async (_, { input: { events = 'ERASE', ...visitor } }, { session, erasures, signal }) =>
      toPayload(await erasures.eraseVisitor(session, { ...visitor, events }, signal)),
  },
  Erasure: {
    subjectId: ({ subjectId }) => (subjectId === '' ? null : subjectId),
    progress: progressOf,
  },
}
