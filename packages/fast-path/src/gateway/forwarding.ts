import type { RequestContext } from '@user-stats/graphql'

interface Operation {
  readonly query?: string | undefined
}

/**
 * Sends operations ahead of the gateway's executor. Whatever was forwarded in a request, the executor's
 * request for the same document receives the same response or failure: a subgraph is sent each operation
 * once.
 */
export function createForwarding<Sent extends Operation, Response>(
  send: (operation: Sent, context: RequestContext) => Promise<Response>,
) {
  const forwardedResponses = new WeakMap<RequestContext, Map<string, Promise<Response>>>()

  function takeForwarded(context: RequestContext, query = ''): Promise<Response> | undefined {
    const responses = forwardedResponses.get(context)
    const response = responses?.get(query)
    responses?.delete(query)
    return response
  }

  return {
    send: (operation: Sent, context: RequestContext): Promise<Response> =>
      takeForwarded(context, operation.query) ?? send(operation, context),
    /** @returns undefined when there was no response */
    forward: (operation: Sent, context: RequestContext): Promise<Response | undefined> => {
      const response = send(operation, context)
      const others = forwardedResponses.get(context)
      if (others) others.set(operation.query ?? '', response)
      else forwardedResponses.set(context, new Map([[operation.query ?? '', response]]))
      return response.catch(() => undefined)
    },
  }
}
