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
 * Tries on this machine what the services will do: one that is not trusted by the others would start and be of no use.
 *
 * @param authorities the file that `NODE_EXTRA_CA_CERTS` names, if any
 * @throws EnvError saying why a client would refuse the certificate
 */
export async function proveTrusted(
  { cert, key }: Tls,
  host: string,
  authorities: string | undefined,
): Promise<void> {
  const extra = authorities === undefined || authorities === '' ? [] : [await authoritiesIn(authorities)]
  const server = createServer({ cert, key }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A client that turns away is told of below.
  server.on('tlsClientError', () => undefined)
  const socket = connect({
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    ca: [...getCACertificates('default'), ...extra],
    // Whose the name is, is checked before; an address is no name to ask a server for.
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
