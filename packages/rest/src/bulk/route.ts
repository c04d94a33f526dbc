import type { FastifyInstance, FastifyRequest } from 'fastify'
import { DomainError } from '@user-stats/core'
import { sendProblem } from '@user-stats/http'
import { toAnswerable } from '@user-stats/http'
import type { Metrics } from '@user-stats/http'
import type { MakeContext } from '@user-stats/graphql'
import type { RequestContext } from '@user-stats/graphql'
import type { GraphServer } from '@user-stats/graphql'
import { execute } from '../execute-operation.ts'
import { elementsOf, linesOf, type Element } from './elements.ts'
import { readItem, toMember, type BulkItem, type Rejection } from './item.ts'

export interface BulkOptions<Context extends RequestContext> {
  readonly server: GraphServer<Context>
  readonly context: MakeContext<Context>
  readonly metrics: Metrics
}

/** What became of a stream of events. */
export interface BulkReport {
  readonly accepted: number
  readonly duplicate: number
  readonly rejected: number
  /** The first thousand of the rejected. */
  readonly errors: readonly Rejection[]
}

const batchSize = 1_000
const batchesAtOnce = 3
const maxErrors = 1_000

const operation = `mutation RecordEvents($input: RecordEventsInput!) {
  recordEvents(input: $input) { acceptedCount duplicateCount results { error { code field message } } }
}`

interface Recorded {
  readonly recordEvents: {
    readonly acceptedCount: number
    readonly duplicateCount: number
    readonly results: readonly { readonly error: Omit<Rejection, 'line'> | null }[]
  }
}

/**
 * `POST /api/events`: a JSON array or NDJSON of any length, read in bounded memory. Each thousand events are one
 * `recordEvents`; the stream is read no faster than they are written. What was committed stays when the connection
 * breaks or a later batch fails; the answer counts it in either case.
 */
export function registerBulk<Context extends RequestContext>(
  app: FastifyInstance,
  { server, context, metrics }: BulkOptions<Context>,
): void {
  app.register((room, _options, done) => {
    room.removeAllContentTypeParsers()
    for (const type of ['application/json', 'application/x-ndjson'])
      room.addContentTypeParser(type, (_request, payload, parsed) => {
        parsed(null, payload)
      })
    room.post('/api/events', async (request, reply) => {
      const first = await context(request, reply)
      if (first.caller.role === 'NOBODY') throw new DomainError('UNAUTHENTICATED')
      const tally = createTally()
      const send = async (items: readonly BulkItem[]): Promise<void> => {
        // A context for each batch: each has its own deadline, and the token must still be good.
        const data = await execute(
          server,
          { operation },
          { input: { events: items.map(({ input }) => input) } },
          await context(request, reply),
        )
        tally.recorded(items, data as unknown as Recorded)
      }
      try {
        await pump(elementsIn(request), tally.rejected, send)
      } catch (error) {
        const known = toAnswerable(error, request.log, metrics)
        if (known.retryAfter !== undefined) void reply.header('retry-after', String(known.retryAfter))
        // The rest of the body is not read: the connection cannot be used again.
        void reply.header('connection', 'close')
        return await sendProblem(reply, known, tally.report())
      }
      return tally.report()
    })
    done()
  })
}

function elementsIn(request: FastifyRequest): AsyncGenerator<Element> {
  const stream = request.body as AsyncIterable<Buffer> | undefined
  if (stream === undefined) throw new DomainError('BAD_REQUEST', { message: 'A body of events is expected.' })
  return request.headers['content-type']?.startsWith('application/x-ndjson') === true
    ? linesOf(stream)
    : elementsOf(stream)
}

/** Reads elements into batches and keeps a few of them under way. Waits for all of them, also when one fails. */
async function pump(
  elements: AsyncIterable<Element>,
  reject: (rejection: Rejection) => void,
  send: (items: readonly BulkItem[]) => Promise<void>,
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
  const read = async (): Promise<void> => {
    for await (const element of elements) {
      const item = readItem(element)
      if ('code' in item) reject(item)
      else if (batch.push(item) === batchSize) {
        start()
        if (underWay.size >= batchesAtOnce) await Promise.race(underWay)
        if (failures.length > 0) return
      }
    }
  }
  const broken = await read().then(
    () => [],
    (error: unknown) => [error],
  )
  // What was read whole before the stream broke is recorded, unless recording itself fails. Where there is nothing to
  // record, an empty batch finds out whether the caller may record at all.
  if ((batch.length > 0 || batches === 0) && failures.length === 0) start()
  await Promise.all(underWay)
  for (const error of [...failures, ...broken]) throw error
}

function createTally() {
  let accepted = 0
  let duplicate = 0
  let rejectedCount = 0
  const errors: Rejection[] = []
  const rejected = (rejection: Rejection): void => {
    rejectedCount += 1
    if (errors.length < maxErrors) errors.push(rejection)
  }
  return {
    rejected,
    recorded(items: readonly BulkItem[], { recordEvents }: Recorded): void {
      accepted += recordEvents.acceptedCount
      duplicate += recordEvents.duplicateCount
      for (const [at, { error }] of recordEvents.results.entries()) {
        const line = items[at]?.line
        if (error !== null && line !== undefined) rejected({ line, ...toMember(error) })
      }
    },
    report: (): BulkReport => ({
      accepted,
      duplicate,
      rejected: rejectedCount,
      errors: errors.sort((a, b) => a.line - b.line),
    }),
  }
}
