import type { FastifyInstance, FastifyRequest } from 'fastify'
import { networkOf } from './network.ts'

/** Milliseconds for which an error response is delayed. */
const pause = 1_000
/** Maximum concurrently delayed responses: in total, and per address. */
const maxHeld = 1_000
const maxHeldPerNetwork = 100

/**
 * Delays error responses to anonymous callers that exceeded a limit, which slows a flood down to the pace of
 * its connections. Beyond a bound they are sent at once, and the connection is closed. The gateway gets its
 * responses at once: it delays its own.
 */
export function registerPacing(
  app: FastifyInstance,
  isFromGateway: (request: FastifyRequest) => boolean,
): void {
  const held = new Map<string, number>()
  let total = 0

  function hold(network: string, release: () => void): void {
    held.set(network, (held.get(network) ?? 0) + 1)
    total += 1
    setTimeout(() => {
      const left = (held.get(network) ?? 1) - 1
      if (left > 0) held.set(network, left)
      else held.delete(network)
      total -= 1
      release()
    }, pause)
  }

  app.addHook('onSend', (request, reply, payload, done) => {
    const paced =
      reply.statusCode === 429 &&
      (request.caller === undefined || request.caller.role === 'ANONYMOUS') &&
      !isFromGateway(request)
    if (!paced) {
      done(null, payload)
      return
    }
    const network = networkOf(request.ip)
    if (total < maxHeld && (held.get(network) ?? 0) < maxHeldPerNetwork)
      hold(network, () => {
        done(null, payload)
      })
    else {
      void reply.header('connection', 'close')
      done(null, payload)
    }
  })
}
