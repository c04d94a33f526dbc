/**
 * Codes of GraphQL for what is wrong with a request's document itself: all there are beside the catalogue.
 * Persisted queries are refused under the name that clients fall back from, to the whole document.
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
 * What graphql-js says of a document, without the literals it quotes: they may be personal data. Names of the
 * document and of the schema stay.
 */
export const withoutLiterals = (message: string): string =>
  message
    .replace(/( cannot represent [^:]*): [\s\S]*$/, '$1.')
    .replace(/^(Expected value of type "[^"]*"), found [\s\S]*$/, '$1.')
    .replace(/^(Syntax Error: [\s\S]*\b(?:Block)?(?:String|Int|Float)) "[\s\S]*$/, '$1.')
    .replace(/^Value "[\s\S]*" does not exist in/, 'This value does not exist in')
    .replace(/^Unknown operation named [\s\S]*$/, 'The document has no operation of that name.')
