import type { Server, ServerOptions } from 'node:https'
import { EnvError } from '@user-stats/config'
import type { Certificate, Tls } from '@user-stats/config'
import type { Logger } from './logger.ts'

/** Options of a server that speaks TLS. */
export const tlsOptions = ({ cert, key }: Certificate) =>
  ({ cert, key, minVersion: 'TLSv1.2', handshakeTimeout: 10_000 }) as const satisfies ServerOptions

/**
 * Checks periodically whether the certificate's files were replaced, and uses the new ones for new
 * connections. While a new certificate does not (yet) match its key, the old pair stays in use.
 *
 * @param interval milliseconds
 * @returns a function that stops the checks
 */
export function followRenewals(
  server: Pick<Server, 'setSecureContext'>,
  tls: Tls,
  log: Pick<Logger, 'info' | 'warn'>,
  interval = 10_000,
): () => void {
  let current: Certificate = tls
  let lastFault = ''
  const timer = setInterval(() => {
    try {
      const { cert, key } = tls.renewed()
      if (cert === current.cert && key === current.key) return
      server.setSecureContext(tlsOptions({ cert, key }))
      current = { cert, key }
      lastFault = ''
      log.info('the renewed certificate is in use')
    } catch (error) {
      const fault = error instanceof EnvError ? error.message : 'TLS_CERT: cannot be used'
      if (fault !== lastFault)
        log.warn({ fault }, 'the renewed certificate cannot be used; the old one stays in use')
      lastFault = fault
    }
  }, interval).unref()
  return () => {
    clearInterval(timer)
  }
}
