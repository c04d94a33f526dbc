import { DomainError } from '@user-stats/core'
import type { GraphServer, RequestContext } from '@user-stats/graphql'

/**
 * Checks with the users service that a caller's key and store are still active; the gateway knows only the
 * token. While the service is down every valid token may introspect: the schema holds no data.
 *
 * @throws KEY_REVOKED, STORE_BLOCKED
 */
export async function assertCallerActive(
  { execute }: Pick<GraphServer<RequestContext>, 'execute'>,
  context: RequestContext,
): Promise<void> {
  const { errors } = await execute({ query: '{ store(id: 0) { id } }' }, context)
  const code = errors?.[0]?.extensions?.['code']
  if (code === 'KEY_REVOKED' || code === 'STORE_BLOCKED') throw new DomainError(code)
}
