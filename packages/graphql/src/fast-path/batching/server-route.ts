import { DomainError, yieldTurn } from '@user-stats/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  acceptableRequestId,
  createLazyChild,
  gatewayRecognizer,
  type Logger,
  type Metrics,
} from '@user-stats/http'
import { answerFailure, answerFailures, answerPlain } from '../../answer.ts'
import type { MakeContext } from '../../context.ts'
import type { RequestContext } from '../../request.ts'
import type { GraphServer } from '../../graph-server.ts'
import {
  batchPath,
  decodeBatch,
  encodeAnswer,
  maxBatchBytes,
  type IncomingOperation,
  type OperationAnswer,
} from './protocol.ts'

export interface BatchRouteOptions<Context extends RequestContext> {
  readonly server: GraphServer<Context>
  readonly context: MakeContext<Context>
  readonly metrics: Metrics
  /** Shared with the gateway. Without it no batches are taken. */
  readonly gatewaySecret: string | undefined
}

/**
 * `POST /graphql/batch`: operations of several requests at once, from the gateway and nobody else. Each is a request of
 * its own: it has its caller's token and request id, its own context, is counted for itself, and has its own answer,
 * which goes out as soon as it is there, with those that are there at the same time.
 */
export function registerBatch<Context extends RequestContext>(
  app: FastifyInstance,
  { server, context, metrics, gatewaySecret }: BatchRouteOptions<Context>,
): void {
  const isFromGateway = gatewayRecognizer(gatewaySecret)

  async function answer(
    { headers, request }: IncomingOperation,
    batch: FastifyRequest,
    reply: FastifyReply,
  ): Promise<OperationAnswer> {
    const own = acceptableRequestId(headers['x-request-id'])
    const id = own ?? batch.id
    const log = own === undefined ? batch.log : createLazyChild(app.log as Logger, { reqId: own })
    try {
      const origin = { headers, id, log, ip: batch.ip }
      return await answerPlain(server, request, await context(origin, { raw: reply.raw }))
    } catch (error) {
      return answerFailure(error, log, metrics)
    }
  }

  app.register((room, _options, done) => {
    answerFailures(room, metrics)
    // Before anything of the body is read.
    room.addHook('onRequest', (request, _reply, next) => {
      next(isFromGateway(request) ? undefined : notFromGateway())
    })
    room.post(batchPath, { bodyLimit: maxBatchBytes }, async (request, reply) => {
      const operations = decodeBatch(request.body)
      const out = createAnswerStream(reply, operations.length)
      for (const [place, operation] of operations.entries()) {
        // With too much waiting, each operation is refused by itself.
        await yieldTurn().catch(() => undefined)
        void answer(operation, request, reply).then((answer) => {
          out.push(encodeAnswer(place, answer))
        })
      }
      return reply
    })
    done()
  })
}

const notFromGateway = (): DomainError =>
  new DomainError('FORBIDDEN', {
    message: 'Batches are taken from the gateway only. Send each operation to /graphql by itself.',
  })

/** Sends lines; those that come in one turn go out together, and all of them as one plain answer if they do. */
function createAnswerStream(reply: FastifyReply, expected: number) {
  const { raw } = reply
  let missing = expected
  let waiting = ''
  let begun = false

  function flush(): void {
    const text = waiting
    waiting = ''
    if (missing === 0 && !begun) {
      void reply.header('content-type', 'application/x-ndjson').send(text)
      return
    }
    if (!begun) {
      begun = true
      reply.hijack()
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) raw.setHeader(name, value)
      raw.writeHead(200, { 'content-type': 'application/x-ndjson' })
    }
    // Nobody reads on when the connection has gone.
    if (raw.destroyed) return
    raw.write(text)
    if (missing === 0) raw.end()
  }

  return {
    push(line: string): void {
      missing -= 1
      // After everything that is ready in this turn.
      if (waiting === '') process.nextTick(flush)
      waiting += line
    },
  }
}
