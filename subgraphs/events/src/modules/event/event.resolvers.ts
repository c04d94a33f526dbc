import { DomainError } from '@user-stats/core'
import type { Resolvers } from '../../../generated/resolvers.ts'
import type { Outcome } from './write-batch.ts'
import { cursorOf, type EventPage } from './event.service.ts'

/** A page as a connection. */
export const toConnection = ({ rows, hasNextPage }: EventPage) => {
  const edges = rows.map((node) => ({ cursor: cursorOf(node), node }))
  return { edges, nodes: rows, pageInfo: { endCursor: edges.at(-1)?.cursor ?? null, hasNextPage } }
}

const toResult = (outcome: Outcome) =>
  outcome instanceof DomainError
    ? {
        event: null,
        duplicate: false,
        error: { code: outcome.code, field: outcome.field ?? null, message: outcome.message },
      }
    : { ...outcome, error: null }

const toPayload = (outcomes: readonly Outcome[]) => {
  const results = outcomes.map(toResult)
  const rejectedCount = results.filter(({ error }) => error !== null).length
  const duplicateCount = results.filter(({ duplicate }) => duplicate).length
  return {
    results,
    rejectedCount,
    duplicateCount,
    acceptedCount: results.length - rejectedCount - duplicateCount,
  }
}

export const eventResolvers: Resolvers = {
  Query: {
    events: async (_, { storeId, first, after, ...filter }, { caller, events }) =>
      toConnection(await events.page(caller, storeId, filter, { first, after: after ?? null })),
  },
  Mutation: {
    recordEvent: (_, { input }, { caller, events }) => events.record(caller, input),
    recordEvents: async (_, { input }, { caller, events }) =>
      toPayload(await events.recordMany(caller, input.events)),
    deleteUserEvents: async (_, { input }, context) => ({
      deletedCount: await context.deletion.ofUser(context, input.storeId, input.userId),
    }),
    deleteStoreEvents: async (_, { input }, context) => ({
      deletedCount: await context.deletion.ofStore(context, input.storeId),
    }),
  },
  Event: {
    user: ({ storeId, userId }) => ({ storeId, ref: userId }),
    store: ({ storeId }) => ({ id: storeId }),
  },
}
