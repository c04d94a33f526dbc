import { STATUS_CODES } from 'node:http'
import type { FastifySchema } from 'fastify'
import type { JsonSchema, RestRow } from './row.ts'

/** The response schema of an error. The services register `Problem` with their OpenAPI document. */
export const problem = (status: number): Record<string, unknown> => ({
  description: STATUS_CODES[status] ?? 'Error',
  content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
})

/** The response schemas of these errors, by status. */
export const problems = (statuses: readonly number[]): Record<number, unknown> =>
  Object.fromEntries([...new Set(statuses)].sort((a, b) => a - b).map((status) => [status, problem(status)]))

/** The response schema of a success. */
export const success = (schema: JsonSchema): Record<string, unknown> => ({
  description: 'Success',
  content: { 'application/json': { schema } },
})

// A path that is no text is malformed, too.
const always = [400, 401, 422, 429, 500, 503]

const operationIdOf = ({ method, url }: Pick<RestRow, 'method' | 'url'>): string =>
  `${method.toLowerCase()}${url.replaceAll(/[^a-zA-Z]+(\w)/g, (_match, letter: string) => letter.toUpperCase()).replaceAll(/\W/g, '')}`

/** The Fastify schema of a row, which validates its requests and describes it in the OpenAPI document. */
export const routeSchemaOf = (row: RestRow): FastifySchema => ({
  operationId: operationIdOf(row),
  summary: row.summary,
  tags: [row.tag],
  security: row.public === true ? [] : [{ bearer: [] }],
  ...(row.params && { params: objectOf(row.params, true) }),
  ...(row.query && { querystring: objectOf(row.query, false) }),
  ...(row.headers && { headers: objectOf(row.headers, false) }),
  ...(row.body && {
    body: { additionalProperties: row.strict !== true, ...row.body },
    consumes: [
      'application/json',
      ...(row.plainText === true ? ['text/plain'] : []),
      ...(row.form === true ? ['application/x-www-form-urlencoded'] : []),
    ],
  }),
  response: {
    [row.status]: success(row.answer),
    ...problems([
      ...always,
      // The body of a GET is not read.
      ...(row.method === 'GET' ? [] : [413, 415]),
      ...(row.public === true ? [] : [403]),
      ...(row.errors ?? []),
    ]),
  },
})

/** An object schema over properties that all are required, or none is. */
export const objectOf = (
  properties: Readonly<Record<string, JsonSchema>>,
  required: boolean,
): JsonSchema => ({
  type: 'object',
  properties,
  ...(required && { required: Object.keys(properties) }),
})

/** The schema an answer with a list of these has. */
export const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items })

/** The schema of an answer that has these members, may have the optional ones, and no others. */
export const answerOf = (
  properties: Readonly<Record<string, JsonSchema>>,
  optional: Readonly<Record<string, JsonSchema>> = {},
): JsonSchema => ({
  ...objectOf({ ...properties, ...optional }, false),
  required: Object.keys(properties),
  additionalProperties: false,
})
