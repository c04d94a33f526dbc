import { queryOptions } from '@tanstack/react-query'
import type { TypedDocumentString } from '../../generated/graph/graphql.ts'
import { send } from './send.ts'

/** The gateway's refusal of an operation; the message is meant for users. */
export class GraphError extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'GraphError'
    this.code = code
  }
}

interface Answer<Data> {
  readonly data?: Data | null
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[]
}

/**
 * Executes an operation in the session of the page.
 *
 * @throws GraphError with the first error of the response, or that the gateway cannot be reached
 */
export async function execute<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
  signal?: AbortSignal,
): Promise<Data> {
  const response = await send('POST', 'graphql', { query: document.toString(), variables }, signal)
  const answer = (await response.json().catch(() => ({}))) as Answer<Data>
  const [error] = answer.errors ?? []
  if (error) throw new GraphError(error.extensions?.code ?? '', error.message)
  if (answer.data == null)
    throw new GraphError('', `The gateway answered with status ${String(response.status)}.`)
  return answer.data
}

/** Options of a query that executes an operation; the operation and its variables are the key. */
export const graphQuery = <Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  variables: Variables,
) =>
  queryOptions({
    queryKey: [document.toString(), variables],
    queryFn: ({ signal }) => execute(document, variables, signal),
  })
