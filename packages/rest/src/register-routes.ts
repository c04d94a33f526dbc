import type { FastifyInstance, FastifyRequest } from 'fastify'
import { DomainError } from '@user-stats/core'
import type { MakeContext } from '@user-stats/graphql'
import type { RequestContext } from '@user-stats/graphql'
import type { GraphServer } from '@user-stats/graphql'
import { FormBody } from '@user-stats/http'
import { parseJson } from '@user-stats/core'
import { execute } from './execute-operation.ts'
import type { RestInput, RestRow } from './row.ts'
import { compile, objectOf, type Validate } from './validation.ts'

export interface RestOptions<Context extends RequestContext> {
  readonly rows: readonly RestRow[]
  readonly server: GraphServer<Context>
  readonly context: MakeContext<Context>
}

/**
 * Serves a table of REST rows over a graph, in process. Each request becomes one GraphQL operation with the caller's
 * own identity; every rule lives behind the graph.
 */
export function registerRest<Context extends RequestContext>(
  app: FastifyInstance,
  { rows, server, context }: RestOptions<Context>,
): void {
  for (const row of rows) {
    const read = createReader(row)
    app.route({
      method: row.method,
      url: row.url,
      handler: async (request, reply) => {
        // An old token must not keep its holder from getting a new one.
        if (row.public === true) delete request.headers.authorization
        const contextValue = await context(request, reply)
        // Who nobody is, is said before what is wrong with the request.
        if (row.public !== true && contextValue.caller.role === 'NOBODY')
          throw contextValue.overLimit ?? new DomainError('UNAUTHENTICATED')
        const data = await execute(server, row, row.variables(read(request)), contextValue)
        if (row.missing !== undefined && data[row.missing.field] == null)
          throw new DomainError(row.missing.code)
        return reply.code(row.status).send(row.reply(data as never))
      },
    })
  }
}

const nothing: Validate = () => ({})

/** Takes apart and checks what a row needs of a request. */
function createReader(row: RestRow): (request: FastifyRequest) => RestInput {
  const params = row.params ? compile(objectOf(row.params, true), { text: true }) : nothing
  const query = row.query ? compile(objectOf(row.query, false), { text: true }) : nothing
  const headers = row.headers ? compile(objectOf(row.headers, false), { text: true }) : nothing
  const schema = row.body && { additionalProperties: row.strict !== true, ...row.body }
  const json = schema ? compile(schema, { text: false }) : nothing
  const form = schema ? compile(schema, { text: true }) : nothing

  return (request) => ({
    params: params({ ...(request.params as Record<string, unknown>) }) as Record<string, string>,
    query: query(lastOfEach(request.query as Record<string, unknown>)),
    headers: headers({ ...request.headers }) as Record<string, string | undefined>,
    body: row.body === undefined ? {} : readBody(row, request.body, json, form),
  })
}

function readBody(row: RestRow, body: unknown, json: Validate, form: Validate): Record<string, unknown> {
  if (body instanceof FormBody) {
    if (row.form !== true)
      throw new DomainError('UNSUPPORTED_MEDIA_TYPE', {
        message: 'Send JSON: content-type: application/json.',
      })
    return form(formMembers(row, body))
  }
  if (body === undefined)
    throw new DomainError('BAD_REQUEST', { message: 'A JSON object is expected as the request body.' })
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new DomainError('BAD_USER_INPUT', { message: 'The request body must be a JSON object.' })
  return json(body as Record<string, unknown>)
}

/** Form fields are text: members that are objects arrive as JSON. */
function formMembers({ body }: RestRow, { fields }: FormBody): Record<string, unknown> {
  const properties = (body?.['properties'] ?? {}) as Record<string, { type?: unknown }>
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (properties[name]?.type !== 'object') return [name, value]
      return [name, parseMember(name, value)]
    }),
  )
}

function parseMember(name: string, value: string): unknown {
  try {
    return parseJson(Buffer.from(value))
  } catch (error) {
    const message =
      error instanceof DomainError && error.code === 'BAD_USER_INPUT'
        ? error.message
        : 'must be a JSON object'
    throw new DomainError('BAD_USER_INPUT', { field: name, message: `${name}: ${message}` })
  }
}

const lastOfEach = (query: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(query).map(([name, value]: [string, unknown]) => [
      name,
      Array.isArray(value) ? (value.at(-1) as unknown) : value,
    ]),
  )
