import type { FastifyReply } from 'fastify'
import type { Policy, Usage } from './quota.ts'

/** Sets `RateLimit-Policy` and `RateLimit`, as in draft-ietf-httpapi-ratelimit-headers-10. */
export const rateLimitFields = ({ name, limit, window }: Policy) => {
  const policy = `"${name}";q=${String(limit)};w=${String(window)}`
  return (reply: Partial<Pick<FastifyReply, 'header'>>, { remaining, reset }: Usage): void => {
    // Operations of a batch have no response headers of their own.
    reply.header?.('ratelimit-policy', policy)
    reply.header?.('ratelimit', `"${name}";r=${String(remaining)};t=${String(reset)}`)
  }
}
