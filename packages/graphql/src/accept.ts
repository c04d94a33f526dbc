import Negotiator from 'negotiator'

const offered = ['application/json; charset=utf-8', 'application/graphql-response+json; charset=utf-8']

/**
 * Whether an Accept header accepts our responses. Apollo Server checks it only after execution, too late to
 * refuse a mutation. A client that accepts nothing we offer gets JSON.
 */
export const acceptsJson = (accept: string | undefined): boolean =>
  new Negotiator({ headers: { accept } }).mediaType(offered) !== undefined
