import Negotiator from 'negotiator'

// The first is chosen by clients without a preference.
const offered = ['application/json', 'application/graphql-response+json', 'text/html']

/** Whether an `Accept` header prefers HTML to JSON, as browsers do when they open a page. */
export const prefersHtml = (accept: string | undefined): boolean =>
  new Negotiator({ headers: { accept } }).mediaType(offered) === 'text/html'
