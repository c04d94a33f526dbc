import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { portVariable } from './env.ts'

/** The port if it is free, otherwise an error of `net`. */
async function probe(host: string, port: number): Promise<number> {
  const server = createServer()
  server.listen({ host, port })
  await once(server, 'listening')
  server.close()
  await once(server, 'close')
  return port
}

/**
 * A free port below those that systems give to outgoing connections, one of which could take it before its
 * service has started.
 */
async function probeAny(host: string): Promise<number> {
  for (let attempt = 1; ; attempt += 1)
    try {
      return await probe(host, randomInt(20_000, 32_000))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === 100) throw error
    }
}

/**
 * The ports to listen on, with 0 replaced by free ones: services must know each other's before they start.
 *
 * @param options.timeout milliseconds to wait for services of a killed start, which are still stopping
 * @throws Error, one line, naming the port and its variable
 */
export async function claimPorts<Name extends string>(
  host: string,
  wanted: readonly (readonly [Name, number])[],
  { timeout = 0, signal }: { readonly timeout?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<Record<Name, number>> {
  const deadline = Date.now() + timeout
  const claimed: [Name, number][] = []
  for (const [name, port] of wanted) {
    // A free port may be found twice; ports in use are reported once.
    let found = await claim(name, host, port, deadline, signal)
    while (port === 0 && claimed.some(([, other]) => other === found)) found = await probeAny(host)
    claimed.push([name, found])
  }
  return Object.fromEntries(claimed) as Record<Name, number>
}

async function claim(
  name: string,
  host: string,
  port: number,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  for (;;) {
    signal?.throwIfAborted()
    try {
      return port === 0 ? await probeAny(host) : await probe(host, port)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code === 'EADDRINUSE' && Date.now() < deadline) await delay(100)
      else throw new Error(refusal(name, host, port, code, message), { cause: error })
    }
  }
}

function refusal(
  name: string,
  host: string,
  port: number,
  code: string | undefined,
  message: string,
): string {
  const variable = portVariable(name)
  if (code === 'EADDRINUSE')
    return `port ${String(port)} is in use. Stop what listens there, or set ${variable} to another port.`
  if (code === 'EACCES')
    return `port ${String(port)} may not be opened by this user. Set ${variable} to another port.`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `HOST: ${host} is no address of this machine.`
  return `port ${String(port)} (${variable}) cannot be opened: ${message}`
}

/** The base URL of a service at an address or name of this machine. */
export function baseUrl(scheme: 'http' | 'https', reachable: string, port: number): string {
  return `${scheme}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${String(port)}`
}
