import type { ApolloServerPlugin } from '@apollo/server'
import { yieldTurn } from '@user-stats/core'
import { refuseOperation } from '../errors/format-error.ts'
import type { RequestContext } from '../request.ts'

/**
 * Apollo Server plugin: starts planning and execution in a later turn of the event loop when validation took
 * long. However many new documents arrive at once, other requests are answered in between.
 */
export function yieldBeforeExecution<Context extends RequestContext>(): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation: () => yieldTurn().catch(refuseOperation),
      }),
  }
}
