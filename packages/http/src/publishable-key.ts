import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyReply } from 'fastify'
import { DomainError, type Caller } from '@user-stats/core'

/** The refusal of a publishable key wherever it may not be used. */
export const refusePublishable = (): DomainError =>
  new DomainError('FORBIDDEN', {
    message: 'A publishable key may record events with recordEvents or POST /api/events, and nothing else.',
  })

/**
 * Lets pages of a publishable key's origins read the response (CORS). Other callers are left alone.
 *
 * @throws FORBIDDEN for pages of other origins, and for requests that name none
 */
export function allowOrigin(
  caller: Caller,
  { headers: { origin } }: { readonly headers: IncomingHttpHeaders },
  connection: Partial<Pick<FastifyReply, 'header'>>,
): void {
  if (caller.role !== 'WRITER') return
  if (origin === undefined || !caller.origins.includes(origin))
    throw new DomainError('FORBIDDEN', {
      message: 'This publishable key is for pages of other origins (allowedOrigins).',
    })
  connection.header?.('access-control-allow-origin', origin)
  connection.header?.('access-control-expose-headers', 'date, retry-after')
  connection.header?.('vary', 'Origin')
}
