/** A JSON Schema, as far as our rows need it. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** What of a request a row may use. */
export interface RestInput {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, unknown>>
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, string | undefined>>
}

/**
 * One REST route: a GraphQL operation, and how a request becomes its variables and its data an answer.
 * Rows are data; they decide nothing.
 */
export interface RestRow {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Fastify's pattern: `/api/user/:email`. */
  readonly url: string
  readonly summary: string
  readonly tag: string
  /** Needs no token. */
  readonly public?: boolean
  /** A GraphQL document with one operation. */
  readonly operation: string
  /** Properties of the path; all are required. Values arrive as text and are converted to the type named. */
  readonly params?: Readonly<Record<string, JsonSchema>>
  readonly query?: Readonly<Record<string, JsonSchema>>
  readonly headers?: Readonly<Record<string, JsonSchema>>
  /** An object schema. Members it does not name are ignored on legacy routes. */
  readonly body?: JsonSchema
  /** Whether a form body is taken, too. */
  readonly form?: boolean
  /** Whether JSON is also taken as `text/plain`: beacons of browsers send nothing else. */
  readonly plainText?: boolean
  /** New routes refuse members they do not know; legacy routes ignore them. */
  readonly strict?: boolean
  /** How members of the graph are called here, for errors: `firstName` is `first_name`. */
  readonly fields?: Readonly<Record<string, string>>
  readonly variables: (input: RestInput) => Record<string, unknown>
  readonly status: 200 | 201
  /** The schema of the answer. */
  readonly answer: JsonSchema
  readonly reply: (data: never, input: RestInput) => unknown
  /** A root field that answers null for "there is none": the code to say so with. */
  readonly missing?: { readonly field: string; readonly code: 'USER_NOT_FOUND' | 'STORE_NOT_FOUND' }
  /** Statuses other than 401, 422, 429, 500 and 503 that are documented. */
  readonly errors?: readonly number[]
}

/** `offset` and `limit` as every list and aggregate takes them. */
export const paging = {
  offset: { type: 'integer', minimum: 0, maximum: 2_147_483_647, default: 0, description: 'Rows to skip.' },
  limit: { type: 'integer', minimum: 0, maximum: 10_000, default: 50, description: 'Rows at most.' },
} as const
