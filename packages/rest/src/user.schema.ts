import type { JsonSchema } from './rest-route.ts'

const name = { type: 'string', minLength: 1, maxLength: 300 } as const

/** Members of a user in a body or a line of a bulk. */
export const userMembers = {
  email: {
    type: 'string',
    minLength: 3,
    maxLength: 254,
    // The same rule as in the domain, so that an invalid address is reported with the other faults.
    pattern: '^\\s*[^@\\s][^@]*@[^@]*[^@\\s]\\s*$',
  },
  username: { type: 'string', minLength: 1, maxLength: 100 },
  first_name: name,
  last_name: name,
  phone: { type: 'integer', minimum: 1, maximum: 999_999_999_999_999 },
  external_id: {
    type: 'string',
    minLength: 1,
    maxLength: 128,
    description: "The store's own id of the user.",
  },
  store_id: {
    type: 'integer',
    minimum: 1,
    maximum: 2_147_483_647,
    description: 'Required for admins; others may only name their own.',
  },
} as const satisfies Readonly<Record<string, JsonSchema>>
