import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped, type ValueNode } from 'graphql'

const invalid = (type: string, rule: string): GraphQLError =>
  new GraphQLError(`${type} must be ${rule}.`, { extensions: { code: 'BAD_USER_INPUT' } })

const dayPattern = /^\d{4}-\d{2}-\d{2}$/
const instantPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/i

/** Whether a string is a calendar day: `2026-02-30` is not. */
export function isDay(value: string): boolean {
  if (!dayPattern.test(value) || value < '0001-01-01') return false
  const time = Date.parse(`${value}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(value)
}

function parseDay(value: unknown): string {
  if (typeof value === 'string' && isDay(value)) return value
  throw invalid('Date', 'a day of the calendar such as "2026-11-23"')
}

function parseInstant(value: unknown): Date {
  if (typeof value === 'string' && instantPattern.test(value) && isDay(value.slice(0, 10))) {
    const instant = new Date(value)
    if (!Number.isNaN(instant.getTime())) return instant
  }
  throw invalid('DateTime', 'an instant with its offset such as "2026-11-23T05:16:00.123Z"')
}

function parseObject(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw invalid('JSONObject', 'a JSON object')
}

function parseSafeInt(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  throw invalid('SafeInt', 'a whole number below 2^53')
}

const stringOf = (node: ValueNode): unknown => (node.kind === Kind.STRING ? node.value : undefined)

/** A UTC day, a string in code and in JSON: `2026-11-23`. */
export const DateScalar = new GraphQLScalarType<string, string>({
  name: 'Date',
  parseValue: parseDay,
  parseLiteral: (node) => parseDay(stringOf(node)),
  serialize: (value) => (value instanceof Date ? value.toISOString().slice(0, 10) : parseDay(value)),
})

/** An instant, a JavaScript `Date` in code, RFC 3339 in UTC in JSON. */
export const DateTimeScalar = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  parseValue: parseInstant,
  parseLiteral: (node) => parseInstant(stringOf(node)),
  serialize: (value) => (value instanceof Date ? value : parseInstant(value)).toISOString(),
})

/** PHP serializes an empty object as an empty list. */
const toObject = (value: unknown): unknown => (Array.isArray(value) && value.length === 0 ? {} : value)

export const JSONObjectScalar = new GraphQLScalarType<Record<string, unknown>, Record<string, unknown>>({
  name: 'JSONObject',
  parseValue: (value) => parseObject(toObject(value)),
  parseLiteral: (node, variables) => parseObject(toObject(valueFromASTUntyped(node, variables))),
  serialize: parseObject,
})

/** A whole number below 2^53. PostgreSQL's bigints arrive as `bigint` or `string`. */
export const SafeIntScalar = new GraphQLScalarType<number, number>({
  name: 'SafeInt',
  parseValue: parseSafeInt,
  parseLiteral: (node) => parseSafeInt(node.kind === Kind.INT ? Number(node.value) : undefined),
  serialize: (value) =>
    parseSafeInt(typeof value === 'bigint' || typeof value === 'string' ? Number(value) : value),
})
