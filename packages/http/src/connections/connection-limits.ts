import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { hasBody } from '../body/read-body.ts'
import type { Metrics } from '../metrics.ts'
import { createConnectionTable } from './connection-table.ts'

export interface ConnectionLimitOptions {
  /** Connections open at the same time; 0: no limit. */
  readonly maxConnections: number
  /** Proxies, whose connections serve many clients. */
  readonly trustProxy: readonly string[]
  /** Whether a request comes from our own gateway, which reuses its connections. */
  readonly isFromGateway: (request: FastifyRequest) => boolean
  readonly metrics: Pick<Metrics, 'refusals'>
}

/**
 * Limits the connections open to a service. The connections of signed-in callers and of the gateway are never
 * closed for others: the next request may already be on its way. Others are idle, and may be closed, while no
 * complete request is in progress on them.
 */
export function registerConnectionLimits(
  app: FastifyInstance,
  { maxConnections, trustProxy, isFromGateway, metrics }: ConnectionLimitOptions,
): void {
  if (maxConnections === 0) return
  const table = createConnectionTable(maxConnections, trustProxy)
  app.server.on('connection', (socket: Socket) => {
    if (table.add(socket)) return
    metrics.refusals.inc({ reason: 'connections' })
    socket.destroy()
  })

  function begin(request: FastifyRequest, { raw }: FastifyReply): void {
    const connection = table.find(request.raw.socket)
    if (connection === undefined) return
    table.begin(connection)
    raw.once('close', () => {
      table.end(connection)
    })
  }

  app.addHook('onRequest', (request, _reply, done) => {
    const { socket } = request.raw
    const connection = table.find(socket)
    if (connection !== undefined) {
      if (isFromGateway(request)) table.keep(connection, socket)
      else table.touch(connection)
    }
    done()
  })
  // The caller is identified by now, if the route requires it.
  app.addHook('preParsing', (request, reply, _payload, done) => {
    const { socket } = request.raw
    const connection = table.find(socket)
    if (connection !== undefined) {
      if (request.caller !== undefined && request.caller.role !== 'ANONYMOUS') table.keep(connection, socket)
      else if (!hasBody(request)) begin(request, reply)
    }
    done()
  })
  app.addHook('preValidation', (request, reply, done) => {
    if (hasBody(request)) begin(request, reply)
    done()
  })
}
