import { HeaderMap, type ApolloServerPlugin } from '@apollo/server'
import {
  GraphQLError,
  Kind,
  visit,
  type DocumentNode,
  type OperationDefinitionNode,
  type SelectionNode,
} from 'graphql'
import { catalogue } from '@user-stats/core'
import { refuseOperation } from '../errors/format-error.ts'
import type { RequestContext } from '../request.ts'

const introspective = new Set(['__schema', '__type', '_service'])

const rootFieldsOf = (operation: OperationDefinitionNode): readonly SelectionNode[] =>
  operation.selectionSet.selections

/** Whether a document asks for the schema itself. */
export function introspects(document: DocumentNode): boolean {
  let found = false
  visit(document, {
    Field: ({ name }) => {
      if (introspective.has(name.value)) found = true
    },
  })
  return found
}

/** Whether all an operation asks for is types by name: strangers are told that there are none. */
const asksForTypesOnly = (
  operation: OperationDefinitionNode | undefined,
): operation is OperationDefinitionNode =>
  operation !== undefined &&
  rootFieldsOf(operation).every((node) => node.kind === Kind.FIELD && node.name.value === '__type')

const noTypes = (operation: OperationDefinitionNode): Record<string, null> =>
  Object.fromEntries(
    rootFieldsOf(operation).map((node) => [
      node.kind === Kind.FIELD ? (node.alias ?? node.name).value : '',
      null,
    ]),
  )

/** @throws DomainError when what was decided since a caller's token was issued keeps them out */
export type Admit<Context extends RequestContext> = (context: Context) => Promise<unknown>

/** Apollo Server's plugin: only callers who are signed in, and still let in, see the schema. */
export function introspectionForSignedIn<Context extends RequestContext>(
  admit: Admit<Context>,
): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation: async ({ document, operation, contextValue }) => {
          if (!introspects(document)) return
          if (contextValue.caller.role !== 'ANONYMOUS') await admit(contextValue).catch(refuseOperation)
          else if (!asksForTypesOnly(operation))
            throw new GraphQLError(catalogue.UNAUTHENTICATED.message, {
              extensions: { code: 'UNAUTHENTICATED' },
            })
        },
        responseForOperation: ({ operation, contextValue }) =>
          Promise.resolve(
            contextValue.caller.role === 'ANONYMOUS' && asksForTypesOnly(operation)
              ? {
                  http: { headers: new HeaderMap(), status: undefined },
                  body: { kind: 'single', singleResult: { data: noTypes(operation) } },
                }
              : null,
          ),
        didEncounterErrors: ({ errors, contextValue }) => {
          if (contextValue.caller.role !== 'ANONYMOUS') return Promise.resolve()
          // Suggestions are taken from the schema: strangers learn nothing of it.
          for (const error of errors) error.message = error.message.replace(/ Did you mean [\s\S]*$/, '')
          return Promise.resolve()
        },
      }),
  }
}
