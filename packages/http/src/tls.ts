import type { Server, ServerOptions } from 'node:https'
import { EnvError } from '@user-stats/config'
import type { Certificate, Tls } from '@user-stats/config'
import type { Logger } from './logger.ts'

/** Options of a server that speaks TLS. */
export const tlsOptions = ({ cert, key }: Certificate) =>
  ({ cert, key, minVersion: 'TLSv1.2', handshakeTimeout: 10_000 }) as const satisfies ServerOptions

/**
 * Looks again and again whether the certificate's files were replaced, and goes on with what is there then; connections
 * that are open stay. While a new certificate and its key do not fit (yet), the old ones are kept.
 *
 * @param interval milliseconds
 * @returns a function that ends it
 */
export function followRenewals(
  server: Pick<Server, 'setSecureContext'>,
  tls: Tls,
  log: Pick<Logger, 'info' | 'warn'>,
  interval = 10_000,
): () => void {
  let current: Certificate = tls
  let told = ''
  const timer = setInterval(() => {
    try {
      const { cert, key } = tls.renewed()
      if (cert === current.cert && key === current.key) return
      server.setSecureContext(tlsOptions({ cert, key }))
      current = { cert, key }
      told = ''
      log.info('took up a renewed certificate')
    } catch (error) {
      const fault = error instanceof EnvError ? error.message : 'TLS_CERT: cannot be used'
      if (fault !== told) log.warn({ fault }, 'the renewed certificate is not used, the old one is')
      told = fault
    }
  }, interval).unref()
  return () => {
    clearInterval(timer)
  }
}
