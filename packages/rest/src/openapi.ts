import { problemSchema } from '@user-stats/http'
import { STATUS_CODES } from 'node:http'
import type { JsonSchema, RestRow } from './row.ts'
import { objectOf } from './validation.ts'

export interface OpenApiOptions {
  readonly title: string
  readonly description: string
  readonly version: string
  readonly rows: readonly RestRow[]
  /** Paths that are no rows. */
  readonly paths?: Readonly<Record<string, Record<string, unknown>>>
}

// A path that is no text is malformed, too.
const always = [400, 422, 429, 500, 503]

/** The description of an error. */
export const problem = (status: number): Record<string, unknown> => ({
  description: STATUS_CODES[status] ?? 'Error',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
})

const parameters = (
  place: 'path' | 'query' | 'header',
  properties: Readonly<Record<string, JsonSchema>> = {},
): Record<string, unknown>[] =>
  Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: place,
    required: place === 'path',
    ...(description !== undefined && { description }),
    schema,
  }))

function operationOf(row: RestRow): Record<string, unknown> {
  const body = row.body && { additionalProperties: row.strict !== true, ...row.body }
  const statuses = [
    // Of a GET nobody reads the body.
    ...(row.method === 'GET' ? [] : [413, 415]),
    401,
    ...always,
    ...(row.public ? [] : [403]),
    ...(row.errors ?? []),
  ]
  return {
    operationId: `${row.method.toLowerCase()}${row.url.replaceAll(/[^a-zA-Z]+(\w)/g, (_match, letter: string) => letter.toUpperCase()).replaceAll(/\W/g, '')}`,
    summary: row.summary,
    tags: [row.tag],
    security: row.public === true ? [] : [{ bearer: [] }],
    parameters: [
      ...parameters('path', row.params),
      ...parameters('query', row.query),
      ...parameters('header', row.headers),
    ],
    ...(body && {
      requestBody: {
        required: true,
        content: {
          'application/json': { schema: body },
          ...(row.plainText === true && { 'text/plain': { schema: body } }),
          ...(row.form === true && { 'application/x-www-form-urlencoded': { schema: body } }),
        },
      },
    }),
    responses: {
      [row.status]: { description: 'Success', content: { 'application/json': { schema: row.answer } } },
      ...Object.fromEntries(
        [...new Set(statuses)].sort((a, b) => a - b).map((status) => [status, problem(status)]),
      ),
    },
  }
}

/** The OpenAPI 3.1 document of a table of rows. */
export function toOpenApi({
  title,
  description,
  version,
  rows,
  paths: others = {},
}: OpenApiOptions): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = { ...others }
  for (const row of rows) {
    const path = row.url.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operationOf(row) }
  }
  return {
    openapi: '3.1.0',
    info: { title, description, version },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: { Problem: problemSchema },
    },
  }
}

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
