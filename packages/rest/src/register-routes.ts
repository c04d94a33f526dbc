import type { FastifyInstance, FastifyRequest } from 'fastify'
import { badInput, badInputs, DomainError, type Fault } from '@user-stats/core'
import type { MakeContext } from '@user-stats/graphql'
import type { RequestContext } from '@user-stats/graphql'
import type { GraphServer } from '@user-stats/graphql'
import { FormBody } from '@user-stats/http'
import { parseJson } from '@user-stats/core'
import { execute } from './execute-operation.ts'
import type { RestInput, RestRow } from './row.ts'
import { compile, objectOf, requireValid, type Check, type Checked } from './validation.ts'

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
      config: {
        access: row.public === true ? 'anonymous' : 'token',
        ...(row.plainText === true && { plainText: true }),
      },
      handler: async (request, reply) => {
        const contextValue = await context(request, reply)
        const input = read(request)
        const data = await execute(server, row, row.variables(input), contextValue)
        if (row.missing !== undefined && data[row.missing.field] == null)
          throw new DomainError(row.missing.code)
        return reply.code(row.status).send(row.reply(data as never, input))
      },
    })
  }
}

const nothing: Check = () => ({ value: {}, faults: [] })

/** Takes apart and checks what a row needs of a request. @throws (the function) BAD_USER_INPUT with all faults */
function createReader(row: RestRow): (request: FastifyRequest) => RestInput {
  const params = row.params ? compile(objectOf(row.params, true), { text: true, others: 'any' }) : nothing
  const query = row.query ? compile(objectOf(row.query, false), { text: true, others: 'ignored' }) : nothing
  const headers = row.headers ? compile(objectOf(row.headers, false), { text: true, others: 'any' }) : nothing
  const others = row.strict === true ? 'refused' : 'ignored'
  const json = row.body ? compile(row.body, { text: false, others }) : nothing
  const form = row.body ? compile(row.body, { text: true, others }) : nothing

  return (request) => {
    const checked = {
      params: params({ ...(request.params as Record<string, unknown>) }),
      query: query(lastOfEach(request.query as Record<string, unknown>)),
      headers: headers({ ...request.headers }),
      body: row.body === undefined ? nothing({}) : checkBody(row, request.body, json, form),
    }
    requireValid({ value: {}, faults: Object.values(checked).flatMap(({ faults }) => faults) })
    return {
      params: checked.params.value as Record<string, string>,
      query: checked.query.value,
      headers: checked.headers.value as Record<string, string | undefined>,
      body: checked.body.value,
    }
  }
}

function checkBody(row: RestRow, body: unknown, json: Check, form: Check): Checked {
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

const isObjectSchema = (schema: { type?: unknown } | undefined): boolean =>
  [schema?.type].flat().includes('object')

/** Form fields are text: members that are objects arrive as JSON. */
function formMembers({ body }: RestRow, { fields }: FormBody): Record<string, unknown> {
  const properties = (body?.['properties'] ?? {}) as Record<string, { type?: unknown }>
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (!isObjectSchema(properties[name])) return [name, value]
      return [name, parseMember(name, value)]
    }),
  )
}

/** @throws BAD_USER_INPUT */
function parseMember(name: string, value: string): unknown {
  try {
    return parseJson(Buffer.from(value))
  } catch (error) {
    if (error instanceof DomainError && error.faults.length > 0)
      throw badInputs(error.faults.map((fault) => within(name, fault)))
    throw badInput(name, 'must be a JSON object')
  }
}

/** What is wrong inside of a member, as it is wrong in the body. */
function within(name: string, { field, message }: Fault): Fault {
  const path = field.startsWith('[') ? name : `${name}.`
  return { field: path + field, message: path + message }
}

const lastOfEach = (query: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(query).map(([name, value]: [string, unknown]) => [
      name,
      Array.isArray(value) ? (value.at(-1) as unknown) : value,
    ]),
  )
