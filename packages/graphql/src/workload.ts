import { runWorkload, workloadOf } from '@user-stats/core'
import { networkOf } from '@user-stats/http'
import type { GraphServer } from './graph-server.ts'
import type { RequestContext } from './request.ts'

/**
 * A server that executes each operation in its caller's workload, so that resources are shared fairly by
 * tenant.
 */
export function perTenant<Context extends RequestContext>(
  server: GraphServer<Context>,
): GraphServer<Context> {
  const onBehalfOf = <T>(context: Context, work: () => T): T =>
    runWorkload(
      workloadOf(context.caller, () => networkOf(context.address)),
      work,
    )
  return {
    ...server,
    execute: (request, context) => onBehalfOf(context, () => server.execute(request, context)),
    executeCached: (request, context) => onBehalfOf(context, () => server.executeCached(request, context)),
    executeHttp: (request, context) => onBehalfOf(context, () => server.executeHttp(request, context)),
  }
}
