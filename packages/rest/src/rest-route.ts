/** The subset of JSON Schema that our routes use. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** The parts of a request that a route may use. */
export interface RestInput {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string | undefined>>
}

/** Names of members of the graph in a request. */
export type FieldNames = Readonly<Record<string, string>>

/**
 * One REST route: a GraphQL operation, the mapping of a request to its variables and of its data to a
 * response. Routes are data; they contain no rules.
 */
export interface RestRoute {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Fastify's pattern: `/api/user/:email`. */
  readonly url: string
  readonly summary: string
  readonly tag: string
  /** Accepts requests without a token. */
  readonly public?: boolean
  /** A GraphQL document with one operation. */
  readonly operation: string
  /** Path parameters; all are required. Text is converted to the given type. */
  readonly params?: Readonly<Record<string, JsonSchema>>
  readonly query?: Readonly<Record<string, JsonSchema>>
  readonly headers?: Readonly<Record<string, JsonSchema>>
  /** An object schema. Unknown members are ignored on legacy routes. */
  readonly body?: JsonSchema
  /** Whether a form body is accepted, too. */
  readonly form?: boolean
  /** Whether JSON is also accepted as `text/plain`: browsers' beacons send nothing else. */
  readonly plainText?: boolean
  /** New routes refuse unknown members; legacy routes ignore them. */
  readonly strict?: boolean
  /** REST names of the graph's members, for errors: `firstName` is `first_name`. */
  readonly fields?: FieldNames | ((input: RestInput) => FieldNames)
  readonly variables: (input: RestInput) => Record<string, unknown>
  readonly status: 200 | 201
  /** The schema of the response. */
  readonly answer: JsonSchema
  readonly reply: (data: never, input: RestInput) => unknown
  /** A root field that is null if the object does not exist, and the error code for it. */
  readonly missing?: { readonly field: string; readonly code: 'USER_NOT_FOUND' | 'STORE_NOT_FOUND' }
  /** Documented statuses other than 401, 422, 429, 500 and 503. */
  readonly errors?: readonly number[]
}

/** `offset` and `limit` of all lists and aggregates. */
export const paging = {
  offset: { type: 'integer', minimum: 0, maximum: 2_147_483_647, default: 0, description: 'Items to skip.' },
  limit: { type: 'integer', minimum: 0, maximum: 10_000, default: 50, description: 'Maximum items.' },
} as const
