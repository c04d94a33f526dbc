import type { ApolloServerPlugin } from '@apollo/server'
import { GraphQLError } from 'graphql'
import type { RequestContext } from '../request.ts'

/**
 * Apollo Server plugin: refuses a document without the requested operation before execution. A schema of this
 * process would report this itself; a gateway would fail to plan the operation.
 */
export function operationFound<Context extends RequestContext>(): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation: ({ operation, request }) => {
          if (operation !== undefined) return Promise.resolve()
          throw new GraphQLError(
            request.operationName === undefined
              ? 'The document must have exactly one operation, or operationName must select one.'
              : 'The document has no operation of that name.',
            { extensions: { code: 'OPERATION_RESOLUTION_FAILURE', http: { status: 400 } } },
          )
        },
      }),
  }
}
