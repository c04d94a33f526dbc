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

/** Whether a document contains introspection. */
export function introspects(document: DocumentNode): boolean {
  let found = false
  visit(document, {
    Field: ({ name }) => {
      if (introspective.has(name.value)) found = true
    },
  })
  return found
}

/** Whether an operation only selects types by name: for anonymous callers, none exists. */
const selectsTypesOnly = (
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

/** @throws DomainError when the caller's key was revoked or its store blocked after the token was issued */
export type AssertCanIntrospect<Context extends RequestContext> = (context: Context) => Promise<unknown>

/** Apollo Server plugin: only authenticated callers with an active key may introspect the schema. */
export function introspectionForSignedIn<Context extends RequestContext>(
  assertCanIntrospect: AssertCanIntrospect<Context>,
): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation: async ({ document, operation, contextValue }) => {
          if (!introspects(document)) return
          if (contextValue.caller.role !== 'ANONYMOUS')
            await assertCanIntrospect(contextValue).catch(refuseOperation)
          else if (!selectsTypesOnly(operation))
            throw new GraphQLError(catalogue.UNAUTHENTICATED.message, {
              extensions: { code: 'UNAUTHENTICATED' },
            })
        },
        responseForOperation: ({ operation, contextValue }) =>
          Promise.resolve(
            contextValue.caller.role === 'ANONYMOUS' && selectsTypesOnly(operation)
              ? {
                  http: { headers: new HeaderMap(), status: undefined },
                  body: { kind: 'single', singleResult: { data: noTypes(operation) } },
                }
              : null,
          ),
        didEncounterErrors: ({ errors, contextValue }) => {
          if (contextValue.caller.role !== 'ANONYMOUS') return Promise.resolve()
          // Suggestions come from the schema, which anonymous callers must not see.
          for (const error of errors) error.message = error.message.replace(/ Did you mean [\s\S]*$/, '')
          return Promise.resolve()
        },
      }),
  }
}
