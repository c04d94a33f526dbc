import type { FastifyRequest } from 'fastify'

const prefixPattern = /^(\/[\w.~-]+)+\/?$/

/**
 * The path under which browsers reach the gateway, with a slash at its end: `X-Forwarded-Prefix` of a trusted
 * proxy, which removes it from the requests it forwards, else `/`.
 */
export function basePathOf({ headers, ips = [] }: Pick<FastifyRequest, 'headers' | 'ips'>): string {
  const prefix = headers['x-forwarded-prefix']
  // Only a trusted peer adds an address to its own.
  if (ips.length < 2 || typeof prefix !== 'string' || !prefixPattern.test(prefix)) return '/'
  return prefix.endsWith('/') ? prefix : `${prefix}/`
}
