import type { ApolloServerPlugin } from '@apollo/server'
import type { Logger } from '@user-stats/http'
import type { RequestContext } from '../request.ts'

/** Apollo Server formats errors without saying whose they are: this remembers the log of the request of each. */
export function createLogsOfErrors<Context extends RequestContext>() {
  const logs = new WeakMap<object, Logger>()
  const plugin: ApolloServerPlugin<Context> = {
    requestDidStart: () =>
      Promise.resolve({
        didEncounterErrors: ({ errors, contextValue }) => {
          for (const error of errors) logs.set(error, contextValue.log)
          return Promise.resolve()
        },
      }),
  }
  return {
    plugin,
    of: (error: unknown): Logger | undefined =>
      typeof error === 'object' && error !== null ? logs.get(error) : undefined,
  }
}
