import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import { badInput, DomainError } from '@user-stats/core'
import type { JsonSchema } from './row.ts'

const options = { allErrors: false, useDefaults: true, strict: false } as const

function createAjv(extra: ConstructorParameters<typeof Ajv>[0]): Ajv {
  const ajv = new Ajv({ ...options, ...extra })
  // The package's types know only its CommonJS default.
  ;(formats as unknown as (ajv: Ajv) => void)(ajv)
  return ajv
}

// JSON says what it means; text (paths, queries, forms) has to be converted.
const exact = createAjv({})
const converting = createAjv({ coerceTypes: true })

export type Validate = (value: Record<string, unknown>) => Record<string, unknown>

/**
 * @returns a function that answers the validated value: defaults filled in, text converted if asked for
 * @throws (the function) BAD_USER_INPUT with the member and the rule
 */
export function compile(schema: JsonSchema, { text }: { text: boolean }): Validate {
  const validate: ValidateFunction = (text ? converting : exact).compile(schema)
  return (value) => {
    if (validate(value)) return value
    throw toFault(validate.errors?.[0])
  }
}

/** An object schema over properties that all are required, or none is. */
export const objectOf = (
  properties: Readonly<Record<string, JsonSchema>>,
  required: boolean,
): JsonSchema => ({
  type: 'object',
  properties,
  ...(required && { required: Object.keys(properties) }),
})

function toFault(error: ErrorObject | undefined): DomainError {
  if (error === undefined) return new DomainError('BAD_USER_INPUT')
  const path = error.instancePath.slice(1).replaceAll('/', '.')
  const params = error.params as Record<string, unknown>
  const own = params['missingProperty'] ?? params['additionalProperty']
  const field = [path, typeof own === 'string' ? own : ''].filter((part) => part !== '').join('.')
  if (error.keyword === 'required') return badInput(field, 'is required')
  if (error.keyword === 'additionalProperties') return badInput(field, 'is not known here. Leave it out')
  if (field === '')
    return new DomainError('BAD_USER_INPUT', {
      message: `The request body ${error.message ?? 'is not valid'}.`,
    })
  return badInput(field, error.message ?? 'is not valid')
}
