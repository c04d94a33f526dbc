import type { HTTPGraphQLRequest } from '@apollo/server'

/** The document of a request, wherever Apollo Server looks for it. */
export const documentIn = ({ method, body, search }: HTTPGraphQLRequest): unknown =>
  method === 'GET'
    ? new URLSearchParams(search).get('query')
    : (body as { readonly query?: unknown } | null | undefined)?.query
