import { DomainError, yieldTurn } from '@user-stats/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  acceptableRequestId,
  createLazyChild,
  gatewayRecognizer,
  type Logger,
  type Origin,
} from '@user-stats/http'
import {
  answerFailure,
  answerFailures,
  answerPlain,
  reportErrors,
  type GraphServer,
  type MakeContext,
  type RequestContext,
} from '@user-stats/graphql'
import {
  batchPath,
  decodeBatch,
  encodeResponse,
  maxBatchBytes,
  type IncomingOperation,
  type OperationResponse,
} from './protocol.ts'

export interface BatchRouteOptions<Context extends RequestContext> {
  readonly server: GraphServer<Context>
  readonly context: MakeContext<Context>
  /** Shared with the gateway. Without it all batches are rejected. */
  readonly gatewaySecret: string | undefined
}

/**
 * `POST /graphql/batch`: operations of several clients in one request, accepted from the gateway only. Each
 * is treated as a request of its own, with its caller's token, its request id, its own context, rate limit
 * and response. A response is written as soon as it is ready, in one chunk with those of the same turn of the
 * event loop.
 */
export function registerBatchRoute<Context extends RequestContext>(
  app: FastifyInstance,
  { server, context, gatewaySecret }: BatchRouteOptions<Context>,
): void {
  const isFromGateway = gatewayRecognizer(gatewaySecret)

  async function execute(
    { headers, request }: IncomingOperation,
    batch: FastifyRequest,
    reply: FastifyReply,
  ): Promise<OperationResponse> {
    const own = acceptableRequestId(headers['x-request-id'])
    const id = own ?? batch.id
    const log = own === undefined ? batch.log : createLazyChild(app.log as Logger, { reqId: own })
    const origin: Origin = { headers, id, log, ip: batch.ip }
    const response = await context(origin, { raw: reply.raw })
      .then((contextValue) => answerPlain(server, request, contextValue))
      .catch(answerFailure)
    reportErrors(app.errors, response, () => ({
      route: batchPath,
      caller: origin.caller,
      log: origin.log,
    }))
    return response
  }

  app.register((scope, _options, done) => {
    answerFailures(scope)
    // Before the body is read.
    scope.addHook('onRequest', (request, _reply, next) => {
      request.mayBeLarge = isFromGateway(request)
      next(request.mayBeLarge ? undefined : notFromGateway())
    })
    scope.post(batchPath, { bodyLimit: maxBatchBytes }, async (request, reply) => {
      const operations = decodeBatch(request.body)
      // Each operation may wait for the end of the connection.
      reply.raw.setMaxListeners(0)
      const lines = createLineStream(reply, operations.length)
      for (const [index, operation] of operations.entries()) {
        // An overloaded event loop rejects each operation by itself.
        await yieldTurn().catch(() => undefined)
        void execute(operation, request, reply).then((response) => {
          lines.push(encodeResponse(index, response))
        })
      }
      return reply
    })
    done()
  })
}

const notFromGateway = (): DomainError =>
  new DomainError('FORBIDDEN', {
    message: 'Batches are accepted from the gateway only. Send each operation to /graphql by itself.',
  })

/**
 * Writes the lines of one turn of the event loop in one chunk; if that is all of them, as a plain response.
 */
function createLineStream(reply: FastifyReply, expected: number) {
  const { raw } = reply
  let missing = expected
  let buffered = ''
  let headersWritten = false

  function flush(): void {
    const text = buffered
    buffered = ''
    if (missing === 0 && !headersWritten) {
      void reply.header('content-type', 'application/x-ndjson').send(text)
      return
    }
    if (!headersWritten) {
      headersWritten = true
      reply.hijack()
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) raw.setHeader(name, value)
      raw.writeHead(200, { 'content-type': 'application/x-ndjson' })
    }
    // The gateway has disconnected.
    if (raw.destroyed) return
    raw.write(text)
    if (missing === 0) raw.end()
  }

  return {
    push(line: string): void {
      missing -= 1
      // After all responses that are ready in this turn.
      if (buffered === '') process.nextTick(flush)
      buffered += line
    },
  }
}
