import type { ApolloServerPlugin } from '@apollo/server'
import { yieldTurn } from '@user-stats/core'
import { refuseOperation } from '../errors/format-error.ts'
import type { RequestContext } from '../request.ts'

/**
 * Apollo Server's plugin: planning and execution begin in a later turn of the event loop when validation has taken
 * long. However many new documents arrive at once, others are answered in between.
 */
export function yieldBeforeExecution<Context extends RequestContext>(): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation: () => yieldTurn().catch(refuseOperation),
      }),
  }
}
