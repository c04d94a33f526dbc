import type { RestRoute } from '../rest-route.ts'
import { objectSchema } from '../route-schema.ts'
import { userMembers } from '../user.schema.ts'
import { messageAnswer, storeIdQuery, userAnswer } from './shapes.ts'

/** Routes that the gateway and the users service both serve, each over its own graph. */

interface UserData {
  readonly id: string
  readonly email: string
  readonly username: string
  readonly firstName: string
  readonly lastName: string
  readonly phone: number
  readonly store: { readonly id: number }
}

const { external_id: _new, ...members } = userMembers
/** The address of a lookup need not be valid. */
const { pattern: _pattern, ...anyAddress } = userMembers.email
const found = { ...members, email: anyAddress }

const fields = { firstName: 'first_name', lastName: 'last_name', storeId: 'store_id' } as const

const toInput = ({ body }: { readonly body: Readonly<Record<string, unknown>> }) => ({
  input: {
    email: body['email'],
    username: body['username'],
    firstName: body['first_name'],
    lastName: body['last_name'],
    phone: body['phone'],
    storeId: body['store_id'],
  },
})

/** `GET /api/user/<email>`, `POST /api/user` and `PATCH /api/user`. */
export const userRoutes = ({ form }: { readonly form: boolean }): readonly RestRoute[] => [
  {
    method: 'GET',
    url: '/api/user/:email',
    summary: "A user's id by e-mail address",
    tag: 'users',
    operation:
      'query UserIdByEmail($email: String!, $storeId: Int) { userByEmail(email: $email, storeId: $storeId) { id } }',
    params: { email: { type: 'string', minLength: 1, maxLength: 1_024 } },
    query: storeIdQuery,
    fields,
    variables: ({ params, query }) => ({ email: params['email'], storeId: query['store_id'] }),
    status: 200,
    answer: objectSchema({ id: { type: 'string' } }),
    missing: { field: 'userByEmail', code: 'USER_NOT_FOUND' },
    errors: [404],
    reply: ({ userByEmail }: { userByEmail: { id: string } }) => ({ id: userByEmail.id }),
  },
  {
    method: 'POST',
    url: '/api/user',
    summary: 'Register a user',
    tag: 'users',
    form,
    operation: `mutation CreateUser($input: CreateUserInput!) {
      createUser(input: $input) { user { id email username firstName lastName phone store { id } } }
    }`,
    body: {
      type: 'object',
      required: ['email', 'username', 'first_name', 'last_name', 'phone'],
      properties: members,
    },
    fields,
    variables: toInput,
    status: 201,
    answer: userAnswer,
    errors: [404, 409],
    reply: ({ createUser: { user } }: { createUser: { user: UserData } }) => ({
      id: user.id,
      email: user.email,
      username: user.username,
      first_name: user.firstName,
      last_name: user.lastName,
      phone: user.phone,
      store_id: user.store.id,
    }),
  },
  {
    method: 'PATCH',
    url: '/api/user',
    summary: 'Change a user, found by e-mail address; absent fields stay',
    tag: 'users',
    form,
    operation:
      'mutation UpdateUser($input: UpdateUserByEmailInput!) { updateUserByEmail(input: $input) { user { id } } }',
    body: { type: 'object', required: ['email'], properties: found },
    fields,
    variables: toInput,
    status: 201,
    answer: messageAnswer,
    errors: [404, 409],
    reply: () => ({ message: 'User successfully updated' }),
  },
]
