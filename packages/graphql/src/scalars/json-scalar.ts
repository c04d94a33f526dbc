import { GraphQLError, GraphQLScalarType, Kind, valueFromASTUntyped } from 'graphql'

export type JsonScalar = string | number | boolean | null

function parse(value: unknown): JsonScalar {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new GraphQLError('JSONScalar must be a string, number, boolean or null.', {
    extensions: { code: 'BAD_USER_INPUT' },
  })
}

/** A JSON value that is neither object nor array. */
export const JSONScalarScalar = new GraphQLScalarType<JsonScalar, JsonScalar>({
  name: 'JSONScalar',
  parseValue: parse,
  // An enum value is a word without quotes, which is not JSON.
  parseLiteral: (node) => parse(node.kind === Kind.ENUM ? undefined : valueFromASTUntyped(node)),
  serialize: parse,
})
