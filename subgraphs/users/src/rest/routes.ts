import { deletedMessage, messageAnswer, storeIdParam, userRoutes, type RestRoute } from '@user-stats/rest'

/** The REST paths of port 8001. */
export const routes: readonly RestRoute[] = [
  ...userRoutes({ form: true }),
  {
    method: 'DELETE',
    url: '/api/user/by-store/:store_id',
    summary: "Delete the personal data of a store's users; the statistics stay",
    tag: 'users',
    operation:
      'mutation DeleteStoreUsers($input: DeleteStoreUsersInput!) { deleteStoreUsers(input: $input) { deletedCount } }',
    params: { store_id: storeIdParam },
    fields: { storeId: 'store_id' },
    variables: ({ params }) => ({ input: { storeId: params['store_id'] } }),
    status: 200,
    answer: messageAnswer,
    errors: [404],
    reply: ({ deleteStoreUsers }: { deleteStoreUsers: { deletedCount: number } }) => ({
      message: deletedMessage(deleteStoreUsers.deletedCount, 'users'),
    }),
  },
  {
    method: 'DELETE',
    url: '/api/user/:id',
    summary: "Delete a user's personal data; the statistics stay",
    tag: 'users',
    operation:
      'mutation DeleteUser($input: DeleteUserInput!) { deleteUser(input: $input) { deletedUserId } }',
    params: { id: { type: 'string' } },
    variables: ({ params }) => ({ input: { id: params['id'] } }),
    status: 200,
    answer: messageAnswer,
    errors: [404],
    reply: () => ({ message: 'User successfully deleted' }),
  },
]
