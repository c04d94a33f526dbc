import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { once } from 'node:events'
import { isIP, type AddressInfo } from 'node:net'
import { connect, createServer, getCACertificates } from 'node:tls'
import { EnvError, type Tls } from '@user-stats/config'

/** Whether a certificate is for a host name or an address. */
export function isFor({ cert }: Pick<Tls, 'cert'>, host: string): boolean {
  const certificate = new X509Certificate(cert)
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined
}

/**
 * Verifies on this machine what the services will verify: a certificate they do not trust would be useless.
 *
 * @param authorities the file of `NODE_EXTRA_CA_CERTS`, if any
 * @throws EnvError with the reason why a client would refuse the certificate
 */
export async function proveTrusted(
  { cert, key }: Tls,
  host: string,
  authorities: string | undefined,
): Promise<void> {
  const extra = authorities === undefined || authorities === '' ? [] : [await authoritiesIn(authorities)]
  const server = createServer({ cert, key }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A client that refuses is reported below.
  server.on('tlsClientError', () => undefined)
  const socket = connect({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    ca: [...getCACertificates('default'), ...extra],
    // The name was checked before; an address cannot be used for SNI.
    ...(isIP(host) === 0 && { servername: host }),
    checkServerIdentity: () => undefined,
  })
  try {
    await once(socket, 'secureConnect')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new EnvError([
      `TLS_CERT: the services would not trust each other (${code ?? message}); name a file with the certificate of its authority in NODE_EXTRA_CA_CERTS`,
    ])
  } finally {
    socket.destroy()
    server.close()
  }
}

const authoritiesIn = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch(() => {
    throw new EnvError(['NODE_EXTRA_CA_CERTS: the file cannot be read'])
  })
