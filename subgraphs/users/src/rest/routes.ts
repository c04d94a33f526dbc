import { answerOf, type JsonSchema, type RestRow } from '@user-stats/service'

const storeId = { type: 'integer', minimum: 1, maximum: 2_147_483_647 } as const
const named: JsonSchema = {
  ...storeId,
  description: 'Selects the store. Required for admins; others may only name their own.',
}
const text = (maxLength: number): JsonSchema => ({ type: 'string', minLength: 1, maxLength })
const person = {
  username: text(100),
  first_name: text(300),
  last_name: text(300),
  phone: { type: 'integer', minimum: 1, maximum: 999_999_999_999_999, description: 'Digits only.' },
} as const
const email = text(254)
const message = answerOf({ message: { type: 'string' } })

const fields = { storeId: 'store_id', firstName: 'first_name', lastName: 'last_name' } as const

/** Members of a body as the graph names them; absent ones stay absent. */
const toInput = (body: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries({
      storeId: body['store_id'],
      email: body['email'],
      username: body['username'],
      firstName: body['first_name'],
      lastName: body['last_name'],
      phone: body['phone'],
    }).filter(([, value]) => value !== undefined),
  )

interface Created {
  readonly createUser: {
    readonly user: {
      readonly id: string
      readonly email: string
      readonly username: string
      readonly firstName: string
      readonly lastName: string
      readonly phone: number
      readonly storeId: number
    }
  }
}

/** The previous system's routes on this port. */
export const rows: readonly RestRow[] = [
  {
    method: 'GET',
    url: '/api/user/:email',
    summary: 'Find a user by e-mail address',
    tag: 'Users',
    params: { email: { type: 'string', minLength: 1 } },
    query: { store_id: named },
    operation: `query UserIdByEmail($email: String!, $storeId: Int) {
      userByEmail(email: $email, storeId: $storeId) { id }
    }`,
    variables: ({ params, query }) => ({ email: params['email'], storeId: query['store_id'] }),
    fields,
    status: 200,
    answer: answerOf({ id: { type: 'string', format: 'uuid' } }),
    reply: ({ userByEmail }: { userByEmail: { id: string } }) => userByEmail,
    missing: { field: 'userByEmail', code: 'USER_NOT_FOUND' },
    errors: [404],
  },
  {
    method: 'POST',
    url: '/api/user',
    summary: 'Register a user',
    tag: 'Users',
    body: {
      type: 'object',
      required: ['email', 'username', 'first_name', 'last_name', 'phone'],
      properties: { email, ...person, store_id: named },
    },
    form: true,
    operation: `mutation CreateUser($input: CreateUserInput!) {
      createUser(input: $input) { user { id email username firstName lastName phone storeId } }
    }`,
    variables: ({ body }) => ({ input: toInput(body) }),
    fields,
    status: 201,
    answer: answerOf({
      id: { type: 'string', format: 'uuid' },
      email,
      ...person,
      store_id: storeId,
    }),
    reply: ({ createUser: { user } }: Created) => ({
      id: user.id,
      email: user.email,
      username: user.username,
      first_name: user.firstName,
      last_name: user.lastName,
      phone: user.phone,
      store_id: user.storeId,
    }),
    errors: [404, 409],
  },
  {
    method: 'PATCH',
    url: '/api/user',
    summary: 'Change a user, found by e-mail address; absent members stay as they are',
    tag: 'Users',
    body: { type: 'object', required: ['email'], properties: { email, ...person, store_id: named } },
    form: true,
    operation: `mutation UpdateUser($input: UpdateUserByEmailInput!) {
      updateUserByEmail(input: $input) { user { id } }
    }`,
    variables: ({ body }) => ({ input: toInput(body) }),
    fields,
    status: 201,
    answer: message,
    reply: () => ({ message: 'User successfully updated' }),
    errors: [404, 409],
  },
  {
    method: 'DELETE',
    url: '/api/user/by-store/:store_id',
    summary: "Delete all of a store's users; their statistics stay",
    tag: 'Users',
    params: { store_id: storeId },
    operation: `mutation DeleteStoreUsers($input: DeleteStoreUsersInput!) {
      deleteStoreUsers(input: $input) { deletedCount }
    }`,
    variables: ({ params }) => ({ input: { storeId: params['store_id'] } }),
    fields,
    status: 200,
    answer: message,
    reply: ({ deleteStoreUsers }: { deleteStoreUsers: { deletedCount: number } }) => ({
      message: `${String(deleteStoreUsers.deletedCount)} users were deleted`,
    }),
    errors: [404],
  },
  {
    method: 'DELETE',
    url: '/api/user/:id',
    summary: "Delete a user's personal data; the statistics stay",
    tag: 'Users',
    params: { id: { type: 'string' } },
    operation: `mutation DeleteUser($input: DeleteUserInput!) {
      deleteUser(input: $input) { deletedUserId }
    }`,
    variables: ({ params }) => ({ input: { id: params['id'] } }),
    status: 200,
    answer: message,
    reply: () => ({ message: 'User successfully deleted' }),
    errors: [404],
  },
]
