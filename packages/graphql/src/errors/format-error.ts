import { unwrapResolverError } from '@apollo/server/errors'
import { GraphQLError, type GraphQLFormattedError } from 'graphql'
import { catalogue, isErrorCode } from '@user-stats/core'
import { DomainError, toDomainError, type Fault } from '@user-stats/core'
import { membersOfLimit, toPublicError } from '@user-stats/http'
import { documentCodes, withoutLiterals } from './document-errors.ts'

/** The original of each formatted error, for the log. */
const originals = new WeakMap<GraphQLFormattedError, unknown>()

/** The original of a formatted error; undefined for an invalid document. */
export const originalOf = (error: GraphQLFormattedError): unknown => originals.get(error)

/** Formats what execution threw, as Apollo Server does. */
export const formatErrors = (thrown: readonly unknown[]): readonly GraphQLFormattedError[] =>
  thrown.map((error) => {
    const known = toGraphqlError(error)
    const { message, locations, path } = known.toJSON()
    // Errors of graphql-jit may have none, despite the types.
    const extensions = known.extensions as GraphQLError['extensions'] | undefined
    return formatError(
      {
        message,
        ...(locations && { locations }),
        ...(path && { path }),
        extensions: { ...extensions, code: extensions?.['code'] ?? 'INTERNAL_SERVER_ERROR' },
      },
      error,
    )
  })

function toGraphqlError(thrown: unknown): GraphQLError {
  if (thrown instanceof GraphQLError) return thrown
  return thrown instanceof Error
    ? new GraphQLError(thrown.message, { originalError: thrown })
    : new GraphQLError(`Unexpected error value: ${String(thrown)}`)
}

/** A domain error as a GraphQL error. */
export const graphqlExtensions = (error: DomainError): Record<string, unknown> => ({
  code: error.code,
  ...(error.field !== undefined && { field: error.field }),
  ...(error.faults.length > 1 && { errors: error.faults }),
  ...(error.retryAfter !== undefined && { retryAfter: error.retryAfter }),
  ...membersOfLimit(error.limit),
})

/**
 * Refuses an operation in a plugin. Apollo Server treats any other error thrown by a plugin as its own
 * failure.
 */
export function refuseOperation(error: unknown): never {
  const known = toDomainError(error)
  throw new GraphQLError(known.message, { originalError: known, extensions: graphqlExtensions(known) })
}

/**
 * Apollo Server's `formatError`: keeps domain errors with their code and errors of the document, and masks
 * all others. Errors of a subgraph were translated there and keep their code.
 */
export function formatError(formatted: GraphQLFormattedError, thrown: unknown): GraphQLFormattedError {
  const original = refusalIn(thrown) ?? unwrapResolverError(thrown)
  const at = {
    ...(formatted.locations && { locations: formatted.locations }),
    ...(formatted.path && { path: formatted.path }),
  }
  const code = formatted.extensions?.['code']
  const known = original instanceof DomainError ? original : domainCodeOf(original)
  if (known === undefined && documentCodes.has(code))
    return { message: withoutLiterals(formatted.message), ...at, extensions: { code } }
  const error = known ?? toPublicError(original)
  const answered = { message: error.message, ...at, extensions: graphqlExtensions(error) }
  originals.set(answered, error)
  return answered
}

const refusalIn = (thrown: unknown): DomainError | undefined =>
  thrown instanceof GraphQLError && thrown.originalError instanceof DomainError
    ? thrown.originalError
    : undefined

/** An error raised before any operation. */
export function formatFailure(error: DomainError): GraphQLFormattedError {
  const answered = { message: error.message, extensions: graphqlExtensions(error) }
  originals.set(answered, error)
  return answered
}

/** An error with one of our codes: a subgraph has translated it. */
function domainCodeOf(error: unknown): DomainError | undefined {
  const extensions = (error as Partial<GraphQLError> | undefined)?.extensions
  const code = extensions?.['code']
  if (!isErrorCode(code) || code === 'BAD_REQUEST') return undefined
  const { field, errors, retryAfter, limit, requested, maximum } = extensions as Record<string, unknown>
  const message = code === 'INTERNAL_SERVER_ERROR' ? catalogue[code].message : (error as GraphQLError).message
  const variable = variableFault(message)
  if (variable !== undefined) return new DomainError(code, variable)
  return new DomainError(code, {
    message,
    ...(typeof field === 'string' && { field }),
    ...(Array.isArray(errors) && { faults: errors as Fault[] }),
    ...(typeof retryAfter === 'number' && { retryAfter }),
    ...(typeof limit === 'string' &&
      typeof requested === 'number' &&
      typeof maximum === 'number' && { limit: { name: limit, requested, maximum } }),
  })
}

// The rule follows a quoted value, which may itself contain semicolons.
const rulePattern =
  /^Variable "\$(\w+)" (?:got invalid value [\s\S]*?(?: at "([\w.[\]]+)")?; (?=Field "|Value "|Enum "|Expected |\w+ cannot represent |\w+ must be ))?([\s\S]*)$/

/**
 * graphql-js quotes the value of an invalid variable; it may be personal data. Keeps the member and the rule.
 */
function variableFault(message: string): { field: string; message: string } | undefined {
  const [, variable, path, rule] = rulePattern.exec(message) ?? []
  if (variable === undefined || rule === undefined) return undefined
  const field = path ?? variable
  return { field, message: `${field}: ${withoutValue(rule)}` }
}

const withoutValue = (rule: string): string =>
  // An unknown kind of rule may quote anything.
  rule.startsWith('got invalid value')
    ? 'is not valid.'
    : rule
        .replace(/^Value "[\s\S]*" does not exist in/, 'This value does not exist in')
        .replace(/: (?:"|[-\d{[]|true|false|null)[\s\S]*$/, '.')
