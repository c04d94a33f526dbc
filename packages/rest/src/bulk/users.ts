import { answerOf, listOf } from '../route-schema.ts'
import { userMembers } from '../user.schema.ts'
import { countOf, type BulkKind, type ElementResult } from './kind.ts'

const maxElements = 10_000

/** `POST /api/users`: up to 10,000 users, of whom an e-mail address is enough. Each 250 are one `createUsers`. */
export const userBulk: BulkKind = {
  path: '/api/users',
  summary: 'Register users, up to 10,000 at a time; an e-mail address is enough',
  description:
    'Who was registered stays when the connection breaks or a later user fails; errors count them. A user who is registered already is rejected as EMAIL_TAKEN, so that a repeat does no harm.',
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
  // One after the other: of two users with the same address the first is registered.
  batch: { size: 250, atOnce: 1 },
  maxElements,
  counts: {
    created: countOf('Registered now.'),
    users: {
      ...listOf(
        answerOf({
          line: { type: 'integer', minimum: 1, description: 'The line, or the element of the array.' },
          id: { type: 'string' },
        }),
      ),
      maxItems: maxElements,
      description: 'Those who were registered, by line.',
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
