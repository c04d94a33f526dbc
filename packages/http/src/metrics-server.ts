import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from 'prom-client'

interface Listen {
  readonly host: string
  readonly port: number
}

/** Serves `GET /metrics` only, on a port of its own: access is restricted by the network. */
export async function serveMetrics(
  registry: Pick<Registry, 'contentType' | 'metrics'>,
  listen: Listen,
): Promise<{ readonly address: AddressInfo; readonly close: () => void }> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    )
  })
  server.listen(listen)
  await once(server, 'listening').catch((error: unknown) => {
    throw new Error(refusalOf(error, listen), { cause: error })
  })
  return {
    address: server.address() as AddressInfo,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

function refusalOf(error: unknown, { host, port }: Listen): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE')
    return `port ${String(port)} of the metrics is in use. Stop what listens there, or set METRICS_PORT to another port.`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `METRICS_HOST: ${host} is no address of this machine.`
  return `port ${String(port)} (METRICS_PORT) cannot be opened: ${message}`
}
