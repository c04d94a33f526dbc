import type { FastifyRequest, FastifySchema, FastifySchemaCompiler } from 'fastify'
import { badInput, badInputs, DomainError, parseJson, type Fault } from '@user-stats/core'
import { FormBody } from '@user-stats/http'
import type { JsonSchema, RestRoute } from './rest-route.ts'
import { compile, type Check } from './validation.ts'

/** The result of a Fastify validator: the value with defaults and conversions, or the faults. */
type Validated = { readonly value: unknown } | { readonly error: DomainError }

type Validator = (value: unknown) => Validated

const parts = ['params', 'querystring', 'headers', 'body'] as const

/** Compiles the schemas of a route's request. Text is converted to the schema's type; JSON is not. */
export const validatorCompilerOf =
  ({ form }: Pick<RestRoute, 'form'>): FastifySchemaCompiler<FastifySchema> =>
  ({ schema: partSchema, httpPart }) => {
    const schema = partSchema as JsonSchema
    if (httpPart === 'body') return bodyValidator(schema, form === true)
    const check = compile(schema, { text: true, others: httpPart === 'querystring' ? 'ignored' : 'any' })
    const read = httpPart === 'querystring' ? lastOfEach : copy
    return validatorOf((value) => check(read(value as Record<string, unknown>)))
  }

/**
 * Fastify stops at the first invalid part of a request; this reports the faults of all parts.
 *
 * @throws BAD_USER_INPUT with all faults, or the fault of the body as a whole
 */
export function requireValidRequest(request: FastifyRequest): void {
  if (request.routeOptions.schema?.body !== undefined && request.body === undefined)
    throw new DomainError('BAD_REQUEST', { message: 'A JSON object is expected as the request body.' })
  if (request.validationError === undefined) return
  const { params, query: querystring, headers, body } = request
  const values = { params, querystring, headers, body }
  const errors = parts.flatMap((part) => {
    const validator = request.getValidationFunction(part) as unknown as Validator | undefined
    const validated = validator?.(values[part])
    return validated !== undefined && 'error' in validated ? [validated.error] : []
  })
  throw errors.find(({ faults }) => faults.length === 0) ?? badInputs(errors.flatMap(({ faults }) => faults))
}

function validatorOf(check: (value: unknown) => ReturnType<Check>): Validator {
  return (value) => {
    try {
      const checked = check(value)
      return checked.faults.length === 0 ? { value: checked.value } : { error: badInputs(checked.faults) }
    } catch (error) {
      if (error instanceof DomainError) return { error }
      throw error
    }
  }
}

function bodyValidator(schema: JsonSchema, takesForms: boolean): Validator {
  const others = schema['additionalProperties'] === false ? 'refused' : 'ignored'
  const json = compile(schema, { text: false, others })
  const form = compile(schema, { text: true, others })
  return validatorOf((body) => {
    if (body instanceof FormBody) {
      if (!takesForms)
        throw new DomainError('UNSUPPORTED_MEDIA_TYPE', {
          message: 'Send JSON: content-type: application/json.',
        })
      return form(formMembers(schema, body))
    }
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw new DomainError('BAD_USER_INPUT', { message: 'The request body must be a JSON object.' })
    return json(body as Record<string, unknown>)
  })
}

const isObjectSchema = (schema: { type?: unknown } | undefined): boolean =>
  [schema?.type].flat().includes('object')

/** Form fields are text: members that are objects arrive as JSON. */
function formMembers(schema: JsonSchema, { fields }: FormBody): Record<string, unknown> {
  const properties = (schema['properties'] ?? {}) as Record<string, { type?: unknown }>
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

/** A fault inside of a form's member, with its path in the body. */
function within(name: string, { field, message }: Fault): Fault {
  const path = field.startsWith('[') ? name : `${name}.`
  return { field: path + field, message: path + message }
}

const copy = (value: Record<string, unknown>): Record<string, unknown> => ({ ...value })

/** The last value of a repeated parameter wins. */
const lastOfEach = (query: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(query).map(([name, value]: [string, unknown]) => [
      name,
      Array.isArray(value) ? (value.at(-1) as unknown) : value,
    ]),
  )
