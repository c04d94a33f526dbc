import { createHmac, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'

/** The header by which the gateway authenticates itself. */
export const gatewayCredentialHeader = 'x-gateway-credential'

/** The header's value: derived from the secret shared with the services, never the secret itself. */
export const gatewayCredential = (secret: string): string =>
  createHmac('sha256', secret).update('gateway-credential').digest('base64url')

/** Recognises requests of the gateway. Without a secret there are none. */
export function gatewayRecognizer(
  secret: string | undefined,
): (request: Pick<FastifyRequest, 'headers'>) => boolean {
  if (secret === undefined) return () => false
  const expected = Buffer.from(gatewayCredential(secret))
  return ({ headers }) => {
    const header = headers[gatewayCredentialHeader]
    const given = Buffer.from(typeof header === 'string' ? header : '')
    return given.length === expected.length && timingSafeEqual(given, expected)
  }
}
