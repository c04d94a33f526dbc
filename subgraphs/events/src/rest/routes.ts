import {
  aggregateRoutes,
  deletedMessage,
  messageAnswer,
  recordEventRoute,
  storeIdParam,
  storeIdQuery,
  type RestRoute,
} from '@user-stats/rest'

/** The REST paths of port 8002. */
export const routes: readonly RestRoute[] = [
  recordEventRoute({ form: true }),
  {
    method: 'DELETE',
    url: '/api/event/by-store/:store_id',
    summary: 'Delete all events of a store',
    tag: 'events',
    operation:
      'mutation DeleteStoreEvents($input: DeleteStoreEventsInput!) { deleteStoreEvents(input: $input) { deletedCount } }',
    params: { store_id: storeIdParam },
    fields: { storeId: 'store_id' },
    variables: ({ params }) => ({ input: { storeId: params['store_id'] } }),
    status: 200,
    answer: messageAnswer,
    errors: [404],
    reply: ({ deleteStoreEvents }: { deleteStoreEvents: { deletedCount: number } }) => ({
      message: deletedMessage(deleteStoreEvents.deletedCount, 'events'),
    }),
  },
  {
    method: 'DELETE',
    url: '/api/event/:user_id',
    summary: 'Delete all events of a user',
    tag: 'events',
    operation:
      'mutation DeleteUserEvents($input: DeleteUserEventsInput!) { deleteUserEvents(input: $input) { deletedCount } }',
    params: { user_id: { type: 'string', minLength: 1, maxLength: 128 } },
    query: storeIdQuery,
    fields: { storeId: 'store_id', userId: 'user_id' },
    variables: ({ params, query }) => ({ input: { userId: params['user_id'], storeId: query['store_id'] } }),
    status: 200,
    answer: messageAnswer,
    errors: [404],
    reply: ({ deleteUserEvents }: { deleteUserEvents: { deletedCount: number } }) => ({
      message: deletedMessage(deleteUserEvents.deletedCount, 'events'),
    }),
  },
  ...aggregateRoutes,
]
