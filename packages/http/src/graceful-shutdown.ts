import { Server } from 'node:net'
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

/** The shutdown state of an app. */
interface Drain {
  /** True once readiness reports 503; requests are still answered. */
  stopping: boolean
  /** Milliseconds that idle connections may still send a request after the port is closed. */
  linger: number
}

const drains = new WeakMap<FastifyInstance, Drain>()

/** Prepares an app for `drainAndClose`. Closing it directly waits for requests in flight only. */
export function registerDrain(app: FastifyInstance): Drain {
  const drain: Drain = { stopping: false, linger: 0 }
  drains.set(app, drain)
  app.addHook('preClose', async () => {
    drain.stopping = true
    // Responses already in flight lack `Connection: close`: limit how long their connections stay idle.
    app.server.keepAliveTimeout = Math.max(1, drain.linger)
    // All other responses carry `Connection: close`, so a connection that sends a request ends with it.
    const end = performance.now() + drain.linger
    while (performance.now() < end && (await connectionsOf(app.server)) > 0) await pause(10)
  })
  return drain
}

const connectionsOf = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.getConnections((error, count) => {
      resolve(error === null ? count : 0)
    })
  })

export interface DrainOptions {
  /** Milliseconds to serve as before while readiness reports 503, for load balancers to notice. */
  readonly delay: number
  /** Milliseconds that idle connections may still send a request. */
  readonly linger?: number
}

/**
 * Takes an app out of service without failing a request. Readiness reports 503 while all else continues for
 * the delay; then the port is closed, responses carry `Connection: close`, and idle connections are closed
 * after `linger`. Resolves when all requests in flight are answered and the app is closed.
 */
export async function drainAndClose(
  app: FastifyInstance,
  { delay, linger = 1_000 }: DrainOptions,
): Promise<void> {
  const drain = drains.get(app)
  if (drain !== undefined) Object.assign(drain, { stopping: true, linger })
  if (delay > 0) await pause(delay)
  // Let the event loop accept pending connections first.
  await turn()
  // Close the port before any response carries `Connection: close`, or clients would reconnect to us. Do not
  // use the HTTP server's own `close`: it ends idle connections at once, with requests that are on the wire.
  if (app.server.listening) Server.prototype.close.call(app.server)
  await app.close()
}
