/**
 * GraphQL's own error codes for invalid documents: the only codes outside the catalogue. Persisted queries
 * are refused with the code that makes clients fall back to sending the whole document.
 */
export const documentCodes: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'BAD_USER_INPUT',
  'BAD_REQUEST',
])

/**
 * A message of graphql-js without the literals it quotes: they may be personal data. Names from the document
 * and the schema stay.
 */
export const withoutLiterals = (message: string): string =>
  message
    .replace(/( cannot represent [^:]*): [\s\S]*$/, '$1.')
    .replace(/^(Expected value of type "[^"]*"), found [\s\S]*$/, '$1.')
    .replace(/^(Syntax Error: [\s\S]*\b(?:Block)?(?:String|Int|Float)) "[\s\S]*$/, '$1.')
    .replace(/^Value "[\s\S]*" does not exist in/, 'This value does not exist in')
    .replace(/^Unknown operation named [\s\S]*$/, 'The document has no operation of that name.')
