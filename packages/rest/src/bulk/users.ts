import { objectSchema, arraySchema } from '../route-schema.ts'
import { userMembers } from '../user.schema.ts'
import { countOf, type BulkKind, type ElementResult } from './kind.ts'

const maxElements = 10_000

/**
 * `POST /api/users`: up to 10,000 users, each with at least an e-mail address. Each 250 are one
 * `createUsers`.
 */
export const userBulk: BulkKind = {
  path: '/api/users',
  summary: 'Register users, up to 10,000 at a time; an e-mail address is enough',
  description:
    'Registered users stay when the connection breaks or a later user fails; error responses include the counts. A user who is already registered is rejected as EMAIL_TAKEN, so repeating is safe.',
  tag: 'users',
  noun: 'a user',
  schema: {
    type: 'object',
    required: ['email'],
    additionalProperties: false,
    properties: userMembers,
  },
  fields: {
    firstName: 'first_name',
    lastName: 'last_name',
    externalId: 'external_id',
    storeId: 'store_id',
  },
  operation: `mutation CreateUsers($input: CreateUsersInput!) {
  createUsers(input: $input) { results { user { id } error { code field message } } }
}`,
  variables: (users) => ({ input: { users } }),
  results: ({ createUsers }) => (createUsers as { readonly results: readonly ElementResult[] }).results,
  // Sequential: of two users with the same address the first is registered.
  batch: { size: 250, atOnce: 1 },
  maxElements,
  counts: {
    created: countOf('Registered now.'),
    users: {
      ...arraySchema(
        objectSchema({
          line: {
            type: 'integer',
            minimum: 1,
            description: 'The line number, or the position in the array.',
          },
          id: { type: 'string' },
        }),
      ),
      maxItems: maxElements,
      description: 'The registered users, by line.',
    },
  },
  createTally() {
    const users: { line: number; id: string }[] = []
    return {
      add: (line, { user }: { readonly user: { readonly id: string } }) => {
        users.push({ line, id: user.id })
      },
      counts: () => ({ created: users.length, users }),
    }
  },
}
