import type { FastifyInstance, FastifyRequest } from 'fastify'
import { DomainError, isTurnOver, nextTurn, runWorkload } from '@user-stats/core'
import { sendProblem, toPublicError } from '@user-stats/http'
import type { MakeContext } from '@user-stats/graphql'
import type { RequestContext } from '@user-stats/graphql'
import type { GraphServer } from '@user-stats/graphql'
import { execute } from '../execute-operation.ts'
import { bulkSchemaOf } from './bulk-schema.ts'
import { withoutMark, type Element } from './elements.ts'
import { createItems, type BulkItem, type Rejection } from './item.ts'
import type { BulkKind, ElementResult } from './kind.ts'
import { splitsOf } from './media-types.ts'

export interface BulkOptions<Context extends RequestContext> {
  readonly server: GraphServer<Context>
  readonly context: MakeContext<Context>
  readonly kind: BulkKind
}

const maxErrors = 1_000

/**
 * A route that accepts a JSON array, NDJSON or a JSON text sequence, in bounded memory: a batch of elements
 * is one operation, and the stream is read no faster than they are written. Committed batches stay when the
 * connection breaks or a later batch fails; the response has the counts in either case.
 */
export function registerBulk<Context extends RequestContext>(
  app: FastifyInstance,
  { server, context, kind }: BulkOptions<Context>,
): void {
  const items = createItems(kind)
  const splits = splitsOf(kind)
  app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    for (const type of splits.keys())
      scope.addContentTypeParser(type, (_request, payload, parsed) => {
        parsed(null, payload)
      })
    const options = {
      config: { access: 'token', streamed: true, publishable: kind.publishable === true },
      schema: bulkSchemaOf(kind),
      validatorCompiler: () => () => true,
      serializerCompiler: () => JSON.stringify,
    } as const
    scope.post(kind.path, options, async (request, reply) => {
      const tally = createTally(kind, items)
      const send = async (batch: readonly BulkItem[]): Promise<void> => {
        // A context per batch: each has its own deadline, and verifies the token again.
        const data = await execute(
          server,
          kind,
          kind.variables(batch.map(({ input }) => input)),
          await context(request, reply),
        )
        tally.add(batch, kind.results(data))
      }
      try {
        const elements = elementsIn(request, splits)
        await runWorkload(request.workload, () =>
          pump(elements, { kind, read: items.read, reject: tally.reject, send }),
        )
      } catch (error) {
        const known = toPublicError(error)
        if (known.retryAfter !== undefined) void reply.header('retry-after', String(known.retryAfter))
        // The rest of the body is not read: the connection cannot be reused.
        void reply.header('connection', 'close')
        return await sendProblem(reply, known, tally.report())
      }
      return tally.report()
    })
    done()
  })
}

function elementsIn(
  { body, mediaType = '' }: FastifyRequest,
  splits: ReturnType<typeof splitsOf>,
): AsyncGenerator<Element> {
  const split = splits.get(mediaType)
  if (body === undefined || split === undefined)
    throw new DomainError('BAD_REQUEST', { message: 'A body is expected: a JSON array or NDJSON.' })
  return split(withoutMark(body as AsyncIterable<Buffer>))
}

interface PumpOptions {
  readonly kind: Pick<BulkKind, 'batch' | 'maxElements'>
  readonly read: (element: Element) => BulkItem | Rejection
  readonly reject: (rejection: Rejection) => void
  readonly send: (batch: readonly BulkItem[]) => Promise<void>
}

/**
 * Reads elements into batches and keeps a few of them in flight. Waits for all of them, also when one fails.
 */
async function pump(
  elements: AsyncIterable<Element>,
  { kind: { batch: limits, maxElements = Infinity }, read, reject, send }: PumpOptions,
): Promise<void> {
  const underWay = new Set<Promise<void>>()
  const failures: unknown[] = []
  let batch: BulkItem[] = []
  let batches = 0
  const start = (): void => {
    batches += 1
    const sending: Promise<void> = send(batch)
      .catch((error: unknown) => {
        failures.push(error)
      })
      .finally(() => underWay.delete(sending))
    underWay.add(sending)
    batch = []
  }
  const readAll = async (): Promise<void> => {
    let count = 0
    for await (const element of elements) {
      count += 1
      if (count > maxElements)
        throw new DomainError('PAYLOAD_TOO_LARGE', {
          message: `At most ${maxElements.toLocaleString('en')} elements are accepted at a time. Send the others in another request.`,
        })
      if (isTurnOver()) await nextTurn()
      const item = read(element)
      if ('code' in item) reject(item)
      else if (batch.push(item) === limits.size) {
        start()
        if (underWay.size >= limits.atOnce) await Promise.race(underWay)
        if (failures.length > 0) return
      }
    }
  }
  const broken = await readAll().then(
    () => [],
    (error: unknown) => [error],
  )
  // Elements read before the stream broke are recorded, unless recording fails. Without any, an empty batch
  // checks whether the caller may record at all.
  if ((batch.length > 0 || batches === 0) && failures.length === 0) start()
  await Promise.all(underWay)
  for (const error of [...failures, ...broken]) throw error
}

/** Counts the results of the elements of one request. */
function createTally(kind: BulkKind, items: ReturnType<typeof createItems>) {
  const accepted = kind.createTally()
  let rejected = 0
  const errors: Rejection[] = []
  const reject = (rejection: Rejection): void => {
    rejected += 1
    if (errors.length < maxErrors) errors.push(rejection)
  }
  return {
    reject,
    add(batch: readonly BulkItem[], results: readonly ElementResult[]): void {
      for (const [at, result] of results.entries()) {
        const { line } = batch[at] ?? { line: 0 }
        if (result.error === null) accepted.add(line, result as never)
        else reject(items.rejected(line, result.error))
      }
    },
    report: () => ({
      ...accepted.counts(),
      rejected,
      errors: errors.sort((a, b) => a.line - b.line),
    }),
  }
}
