import { DomainError } from '@user-stats/core'
import type { GraphServer, RequestContext } from '@user-stats/graphql'

/**
 * Asks the users service whether a caller is still let in: the gateway itself knows of a token no more than what it
 * says. While the service is away nobody is kept out; the schema holds no data.
 *
 * @throws KEY_REVOKED, STORE_BLOCKED
 */
export async function admitted(
  { execute }: Pick<GraphServer<RequestContext>, 'execute'>,
  context: RequestContext,
): Promise<void> {
  const { errors } = await execute({ query: '{ store(id: 0) { id } }' }, context)
  const code = errors?.[0]?.extensions?.['code']
  if (code === 'KEY_REVOKED' || code === 'STORE_BLOCKED') throw new DomainError(code)
}
