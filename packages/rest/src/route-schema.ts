import { STATUS_CODES } from 'node:http'
import type { FastifySchema } from 'fastify'
import type { JsonSchema, RestRoute } from './rest-route.ts'

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

// A path parameter that is not valid text is malformed, too.
const always = [400, 401, 422, 429, 500, 503]

const operationIdOf = ({ method, url }: Pick<RestRoute, 'method' | 'url'>): string =>
  `${method.toLowerCase()}${url.replaceAll(/[^a-zA-Z]+(\w)/g, (_match, letter: string) => letter.toUpperCase()).replaceAll(/\W/g, '')}`

/** The Fastify schema of a route, which validates its requests and describes it in the OpenAPI document. */
export const routeSchemaOf = (route: RestRoute): FastifySchema => ({
  operationId: operationIdOf(route),
  summary: route.summary,
  tags: [route.tag],
  security: route.public === true ? [] : [{ bearer: [] }],
  ...(route.params && { params: objectOf(route.params, true) }),
  ...(route.query && { querystring: objectOf(route.query, false) }),
  ...(route.headers && { headers: objectOf(route.headers, false) }),
  ...(route.body && {
    body: { additionalProperties: route.strict !== true, ...route.body },
    consumes: [
      'application/json',
      ...(route.plainText === true ? ['text/plain'] : []),
      ...(route.form === true ? ['application/x-www-form-urlencoded'] : []),
    ],
  }),
  response: {
    [route.status]: success(route.answer),
    ...problems([
      ...always,
      // The body of a GET is not read.
      ...(route.method === 'GET' ? [] : [413, 415]),
      ...(route.public === true ? [] : [403]),
      ...(route.errors ?? []),
    ]),
  },
})

/** An object schema with all properties required, or none. */
export const objectOf = (
  properties: Readonly<Record<string, JsonSchema>>,
  required: boolean,
): JsonSchema => ({
  type: 'object',
  properties,
  ...(required && { required: Object.keys(properties) }),
})

/** The schema of a response that is a list of these. */
export const arraySchema = (items: JsonSchema): JsonSchema => ({ type: 'array', items })

/** The schema of a response with these members, the optional ones, and no others. */
export const objectSchema = (
  properties: Readonly<Record<string, JsonSchema>>,
  optional: Readonly<Record<string, JsonSchema>> = {},
): JsonSchema => ({
  ...objectOf({ ...properties, ...optional }, false),
  required: Object.keys(properties),
  additionalProperties: false,
})
