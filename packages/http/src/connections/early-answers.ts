import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { hasBody } from '../body/read-body.ts'

/** Milliseconds for the client to read its answer and to stop sending. */
const maxLinger = 1_000
/** Bytes that are read and dropped meanwhile. */
const maxDropped = 4_194_304
/** Milliseconds. */
const checkInterval = 100

/**
 * Ends a connection after what has been written to it. What its client still sends is dropped for a while:
 * closing at once would reset the connection, and the client might lose its answer (RFC 9112, 9.6).
 */
export function closeInStages(socket: Socket): void {
  socket.end()
  const { bytesRead } = socket
  const deadline = performance.now() + maxLinger
  const timer = setInterval(() => {
    if (performance.now() > deadline || socket.bytesRead - bytesRead > maxDropped) socket.destroy()
  }, checkInterval).unref()
  socket.once('close', () => {
    clearInterval(timer)
  })
}

const isIncomplete = (request: FastifyRequest): boolean => !request.raw.complete && hasBody(request)

/**
 * Closes the connection of a request that was answered before its body had arrived: the rest of the body is
 * read by nobody, and may never end.
 */
export function registerEarlyAnswers(app: FastifyInstance): void {
  const closing = new WeakSet<Socket>()

  function close(socket: Socket): void {
    if (closing.has(socket)) return
    closing.add(socket)
    closeInStages(socket)
  }

  function closeAfter({ raw }: FastifyRequest, reply: FastifyReply): void {
    void reply.header('connection', 'close')
    // Node calls this after an answer that says so.
    raw.socket.destroySoon = () => {
      close(raw.socket)
    }
  }

  app.addHook('onRequest', (request, reply, done) => {
    if (!closing.has(request.raw.socket)) {
      done()
      return
    }
    // Sent after a request whose answer ended the connection (RFC 9112, 9.6).
    reply.hijack()
    request.raw.socket.destroy()
  })
  app.addHook('onSend', (request, reply, payload, done) => {
    // A streamed body may still be arriving when its answer begins.
    if (!isIncomplete(request) || (request.routeOptions.config.streamed === true && reply.statusCode < 400)) {
      done(null, payload)
      return
    }
    // The body of a request that is refused by its headers has often arrived with them.
    setImmediate(() => {
      if (isIncomplete(request)) closeAfter(request, reply)
      done(null, payload)
    })
  })
  // An answer that is written without Fastify, or whose body was streamed.
  app.addHook('onResponse', (request, _reply, done) => {
    if (isIncomplete(request)) close(request.raw.socket)
    done()
  })
}
