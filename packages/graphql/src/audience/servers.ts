import { DomainError } from '@user-stats/core'
import type { GraphResult, RequestContext } from '../request.ts'
import type { GraphServer } from '../graph-server.ts'

export interface Audiences<Context extends RequestContext> {
  readonly everyone: GraphServer<Context>
  /** Serves a schema without personal data. */
  readonly analysts: GraphServer<Context>
}

/**
 * Two graphs behind one endpoint: each caller gets the one for its role. They share nothing: validation,
 * introspection, suggestions and the engine's cached operations belong to one graph only.
 */
export function byAudience<Context extends RequestContext>({
  everyone,
  analysts,
}: Audiences<Context>): GraphServer<Context> {
  const serverFor = ({ caller }: Context) => (caller.role === 'ANALYST' ? analysts : everyone)
  return {
    start: async () => {
      await Promise.all([everyone.start(), analysts.start()])
    },
    stop: async () => {
      await Promise.all([everyone.stop(), analysts.stop()])
    },
    execute: async (request, context) => {
      const result = await serverFor(context).execute(request, context)
      if (context.caller.role === 'ANALYST' && asksForWhatIsWithheld(result))
        throw new DomainError('FORBIDDEN')
      return result
    },
    executeCached: (request, context) => serverFor(context).executeCached(request, context),
    executeHttp: (request, context) => serverFor(context).executeHttp(request, context),
  }
}

/**
 * Operations executed in process are our own and valid for all roles: an invalid one selects withheld fields.
 */
const asksForWhatIsWithheld = ({ data, errors }: GraphResult): boolean =>
  data === undefined && errors?.[0]?.extensions?.['code'] === 'GRAPHQL_VALIDATION_FAILED'
