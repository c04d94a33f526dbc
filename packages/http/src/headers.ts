import type { IncomingMessage, ServerResponse } from 'node:http'
import helmet from 'helmet'

/**
 * Headers of every response, unless a page sets its own: those of helmet, with a policy that allows no
 * loading or framing, since our responses are data. Built once: @fastify/helmet builds them for each request.
 *
 * @param tls whether the service speaks TLS: browsers ignore Strict-Transport-Security elsewhere (RFC 6797),
 *   and a TLS proxy may have a policy of its own
 */
export function createSecurityHeaders({ tls }: { readonly tls: boolean }): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  const response: Pick<ServerResponse, 'setHeader' | 'removeHeader'> = {
    setHeader(name, value) {
      headers[name.toLowerCase()] = String(value)
      return this as ServerResponse
    },
    removeHeader: () => undefined,
  }
  const setHeaders = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    strictTransportSecurity: tls && { maxAge: 31_536_000, includeSubDomains: true },
  })
  setHeaders({} as IncomingMessage, response as ServerResponse, () => undefined)
  return headers
}
