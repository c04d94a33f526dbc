import type { JsonSchema, RestRow } from '../row.ts'
import { answerOf } from '../openapi.ts'
import { messageAnswer, storeIdParam, storeIdQuery, userAnswer } from './shapes.ts'

/** Rows that the gateway and the users service serve alike, each over its own graph. */

interface UserData {
  readonly id: string
  readonly email: string
  readonly username: string
  readonly firstName: string
  readonly lastName: string
  readonly phone: number
  readonly store: { readonly id: number }
}

/** As the domain has it, so that a wrong address is reported with the other faults of a body. */
const addressPattern = '^\\s*[^@\\s][^@]*@[^@]*[^@\\s]\\s*$'
const name: JsonSchema = { type: 'string', minLength: 1, maxLength: 300 }
const properties = {
  email: { type: 'string', minLength: 3, maxLength: 254 },
  username: { type: 'string', minLength: 1, maxLength: 100 },
  first_name: name,
  last_name: name,
  phone: { type: 'integer', minimum: 1, maximum: 999_999_999_999_999 },
  store_id: { ...storeIdParam, description: 'Required for admins; others may only name their own.' },
} as const satisfies Record<string, JsonSchema>

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
export const userRows = ({ form }: { readonly form: boolean }): readonly RestRow[] => [
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
    answer: answerOf({ id: { type: 'string' } }),
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
      properties: { ...properties, email: { ...properties.email, pattern: addressPattern } },
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
    body: { type: 'object', required: ['email'], properties },
    fields,
    variables: toInput,
    status: 201,
    answer: messageAnswer,
    errors: [404, 409],
    reply: () => ({ message: 'User successfully updated' }),
  },
]
