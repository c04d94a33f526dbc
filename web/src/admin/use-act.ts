import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { TypedDocumentString } from '../../generated/graph/graphql.ts'
import { execute } from '../graph/execute.ts'

/** Executes a mutation; what is shown is read again afterwards. */
export function useAct<Data, Variables>(
  document: TypedDocumentString<Data, Variables>,
  onDone?: (data: Data) => void,
) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (variables: Variables) => execute(document, variables),
    onSuccess: (data) => {
      onDone?.(data)
      return client.invalidateQueries()
    },
  })
}
