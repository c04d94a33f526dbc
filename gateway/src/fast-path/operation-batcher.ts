import {
  createAnswerReader,
  encodeBatch,
  maxBatch,
  maxBatchCharacters,
  type OperationAnswer,
  type OutgoingOperation,
} from '@user-stats/graphql'
import { gatewayCredential, gatewayCredentialHeader, type Logger } from '@user-stats/http'
import type { Dispatcher } from 'undici'
import { exchange, isAnswer } from '../subgraphs/post-streaming.ts'

export interface BatchesOptions {
  readonly pool: Dispatcher
  /** Where the subgraph takes batches. */
  readonly path: string
  /** Milliseconds until it counts as away. */
  readonly timeout: number
  /** By which the subgraph recognises the gateway: it takes batches from nobody else. */
  readonly gatewaySecret: string
  readonly log: Pick<Logger, 'warn'>
  /** Sends an operation in a request of its own. */
  readonly alone: (operation: OutgoingOperation) => Promise<OperationAnswer>
}

interface Waiting {
  readonly operation: OutgoingOperation
  readonly resolve: (answer: OperationAnswer) => void
  readonly reject: (error: unknown) => void
}

/** What a subgraph answers that takes no batches, or none from us; for so many milliseconds it is sent none. */
const notTaken = new Set([401, 403, 404, 405, 415])
const pauseAfterRefusal = 60_000

/** What an operation adds to a batch at most. */
const charactersOf = ({ query, variables, sender }: OutgoingOperation): number =>
  query.length + variables.length + (sender['authorization']?.length ?? 0)

/**
 * Operations that are on their way in the same turn of the event loop share a request. Nothing waits for company: an
 * operation that is alone goes alone. Under load this saves most of what a request costs on either side. Answers come
 * one by one, as they are ready, so that none waits for another.
 */
export function createBatches({ pool, path, timeout, gatewaySecret, log, alone }: BatchesOptions) {
  const headers = { [gatewayCredentialHeader]: gatewayCredential(gatewaySecret) }
  let gathered: Waiting[] = []
  let takenFrom = 0

  function flush(): void {
    const all = gathered
    gathered = []
    const taken = performance.now() >= takenFrom
    let batch: Waiting[] = []
    let characters = 0
    for (const waiting of all) {
      const length = charactersOf(waiting.operation)
      if (length > maxBatchCharacters || !taken) {
        sendAlone(waiting)
        continue
      }
      if (batch.length === maxBatch || characters + length > maxBatchCharacters) {
        sendTogether(batch)
        batch = []
        characters = 0
      }
      batch.push(waiting)
      characters += length
    }
    sendTogether(batch)
  }

  function sendAlone({ operation, resolve, reject }: Waiting): void {
    alone(operation).then(resolve, reject)
  }

  function sendTogether(batch: readonly Waiting[]): void {
    if (batch.length > 1) void sendBatch(batch)
    else for (const waiting of batch) sendAlone(waiting)
  }

  async function sendBatch(batch: readonly Waiting[]): Promise<void> {
    const open = new Set(batch)
    const read = createAnswerReader((place, answer) => {
      const waiting = batch[place]
      if (waiting === undefined) return
      open.delete(waiting)
      waiting.resolve(answer)
    })
    const body = encodeBatch(batch.map(({ operation }) => operation))
    try {
      const answer = await exchange({ pool, path, headers, body, timeout, onChunk: read })
      if (notTaken.has(answer.status)) {
        takenFrom = performance.now() + pauseAfterRefusal
        log.warn({ status: answer.status, path }, 'the subgraph takes no batches from this gateway')
        for (const waiting of open) sendAlone(waiting)
        return
      }
      // What is refused before anything is read of it, as when there is too much to do, is refused to each.
      if (answer.status !== 200) {
        if (!isAnswer(answer)) throw new Error(`the subgraph answered ${String(answer.status)} to a batch`)
        for (const { resolve } of open) resolve(answer)
        return
      }
      if (open.size > 0) throw new Error('the subgraph left some of a batch out')
    } catch (error) {
      for (const { reject } of open) reject(error)
    }
  }

  return {
    /** @throws Error when there was no answer */
    send: (operation: OutgoingOperation): Promise<OperationAnswer> =>
      new Promise((resolve, reject) => {
        if (gathered.length === 0) setImmediate(flush)
        gathered.push({ operation, resolve, reject })
      }),
  }
}
