import type { FastifyReply, FastifyRequest } from 'fastify'
import type { GraphServer, MakeContext, RequestContext } from '@user-stats/graphql'
import { execute } from '@user-stats/rest'

const operation = `mutation Authenticate($input: AuthenticateInput!) {
  authenticate(input: $input) { accessToken expiresIn }
}`
/** Milliseconds for which a token is used; the events service looks at each write whether its key is revoked. */
const maxAge = 600_000
const maxKeys = 10_000

interface Known {
  readonly token: Promise<string>
  /** On the clock of `performance.now()`. */
  until: number
}

export interface ExchangeOptions {
  readonly server: GraphServer<RequestContext>
  readonly context: MakeContext
}

export type Exchange = (key: string, request: FastifyRequest, reply: FastifyReply) => Promise<string>

/**
 * Exchanges publishable keys for access tokens, and keeps those for ten minutes.
 *
 * @throws (the function) INVALID_API_KEY, STORE_BLOCKED, TOO_MANY_REQUESTS
 */
export function createExchange({ server, context }: ExchangeOptions): Exchange {
  const tokens = new Map<string, Known>()

  async function signIn(
    apiKey: string,
    { headers, id, log, ip }: FastifyRequest,
    { raw }: FastifyReply,
  ): Promise<{ readonly token: string; readonly lifetime: number }> {
    // An anonymous request of the same client, whose failures are counted by its address.
    const { authorization: _authorization, ...others } = headers
    const caller = await context({ headers: others, id, log, ip, caller: undefined }, { raw })
    const data = await execute(server, { operation }, { input: { apiKey } }, caller)
    const { accessToken, expiresIn } = data['authenticate'] as { accessToken: string; expiresIn: number }
    return { token: accessToken, lifetime: Math.min(maxAge, 500 * expiresIn) }
  }

  return (key, request, reply) => {
    const now = performance.now()
    const known = tokens.get(key)
    if (known !== undefined && now < known.until) return known.token
    if (tokens.size >= maxKeys) tokens.clear()
    const signedIn = signIn(key, request, reply)
    const entry: Known = { token: signedIn.then(({ token }) => token), until: Infinity }
    tokens.set(key, entry)
    signedIn.then(
      ({ lifetime }) => {
        entry.until = now + lifetime
      },
      () => tokens.delete(key),
    )
    return entry.token
  }
}
