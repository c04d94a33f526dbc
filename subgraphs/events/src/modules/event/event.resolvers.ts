import { DomainError, toConnection, type Caller, type Page } from '@user-stats/core'
import type { Resolvers } from '../../../generated/resolvers.ts'
import type { Outcome } from './write-batch.ts'
import type { EventRow } from './event-row.ts'
import { positionOf } from './event.service.ts'

/** A page of events as a connection. */
export const toEventConnection = (page: Page<EventRow>) => toConnection(page, positionOf)

interface Result {
  readonly event: EventRow | null
  readonly duplicate: boolean
  readonly error: (Pick<DomainError, 'code' | 'message'> & { readonly field: string | null }) | null
}

const toResult = (outcome: Outcome): Result =>
  outcome instanceof DomainError
    ? {
        event: null,
        duplicate: false,
        error: { code: outcome.code, field: outcome.field ?? null, message: outcome.message },
      }
    : { ...outcome, error: null }

/** What only whoever knows the store's events may learn. */
const concealed: ReadonlySet<string> = new Set(['IDEMPOTENCY_KEY_REUSED', 'EVENT_ERASED', 'USER_ERASED'])

/** For publishable keys: whether an event was there before, and what it holds, is not to be learned from them. */
function toConcealedResult(outcome: Outcome): Result {
  const recorded = !(outcome instanceof DomainError) || concealed.has(outcome.code)
  return recorded ? { event: null, duplicate: false, error: null } : toResult(outcome)
}

const toPayload = (caller: Caller, outcomes: readonly Outcome[]) => {
  const results = outcomes.map(caller.role === 'WRITER' ? toConcealedResult : toResult)
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
      toEventConnection(await events.page(caller, storeId, filter, { first, after: after ?? null })),
  },
  Mutation: {
    recordEvent: (_, { input }, { caller, events }) => events.record(caller, input),
    recordEvents: async (_, { input }, { caller, events }) =>
      toPayload(caller, await events.recordMany(caller, input.events)),
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
