import type { ApolloServerPlugin } from '@apollo/server'
import { GraphQLError } from 'graphql'
import type { RequestContext } from '../request.ts'

/**
 * Apollo Server's plugin: a document without the operation that is asked for is refused before it is executed. A
 * schema of this process would say so itself; a gateway would fail to plan it.
 */
export function operationFound<Context extends RequestContext>(): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation: ({ operation, request }) => {
          if (operation !== undefined) return Promise.resolve()
          throw new GraphQLError(
            request.operationName === undefined
              ? 'The document must have one operation, or operationName say which of them is meant.'
              : 'The document has no operation of that name.',
            { extensions: { code: 'OPERATION_RESOLUTION_FAILURE', http: { status: 400 } } },
          )
        },
      }),
  }
}
