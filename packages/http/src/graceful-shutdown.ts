import { Server } from 'node:net'
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

/** How an app goes down. */
interface Drain {
  /** From now on it is not ready, though it answers. */
  stopping: boolean
  /** Milliseconds that idle connections may still bring a request, once nobody new is let in. */
  linger: number
}

const drains = new WeakMap<FastifyInstance, Drain>()

/** Prepares an app to be drained. Closing it alone waits for requests in flight only. */
export function registerDrain(app: FastifyInstance): Drain {
  const drain: Drain = { stopping: false, linger: 0 }
  drains.set(app, drain)
  app.addHook('preClose', async () => {
    drain.stopping = true
    // What is in flight began too early to say so: its connection is idle later, and then no longer than the others.
    app.server.keepAliveTimeout = Math.max(1, drain.linger)
    // Every answer says by now that its connection ends: each that brings a request ends by itself.
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
  /** Milliseconds to go on as before while readiness says 503: for load balancers to notice. */
  readonly delay: number
  /** Milliseconds that idle connections may still bring a request. */
  readonly linger?: number
}

/**
 * Takes an app out of service without failing a request: readiness says 503 and all else goes on for the delay; then
 * nobody new is let in, answers end their connections, and idle ones are closed when they brought nothing for a while.
 * Resolves when what was in flight has been answered and the app is closed.
 */
export async function drainAndClose(
  app: FastifyInstance,
  { delay, linger = 1_000 }: DrainOptions,
): Promise<void> {
  const drain = drains.get(app)
  if (drain !== undefined) Object.assign(drain, { stopping: true, linger })
  if (delay > 0) await pause(delay)
  // Right after the loop has taken in who was waiting at the door.
  await turn()
  // Not the server's own `close`: that ends idle connections at once, and with them requests already on their way.
  // Before anybody is told to come back on another connection: it would be this door they come to.
  if (app.server.listening) Server.prototype.close.call(app.server)
  await app.close()
}
