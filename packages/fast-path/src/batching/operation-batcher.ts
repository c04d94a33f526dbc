import { currentWorkload, runWorkload, type Workload } from '@user-stats/core'
import { gatewayCredential, gatewayCredentialHeader, type Logger } from '@user-stats/http'
import type { Dispatcher } from 'undici'
import { postStreaming } from './post-streaming.ts'
import {
  batchPath,
  createBatchReader,
  encodeBatch,
  maxBatch,
  maxBatchCharacters,
  type OperationResponse,
  type OutgoingOperation,
} from './protocol.ts'

export interface OperationBatcherOptions {
  readonly pool: Dispatcher
  /** The subgraph's GraphQL endpoint; batches are posted to `/graphql/batch` of its origin. */
  readonly url: string
  /** Milliseconds until the subgraph counts as unavailable. */
  readonly timeout: number
  /** The secret by which the subgraph recognises the gateway: it accepts batches from no other client. */
  readonly gatewaySecret: string
  readonly log: Pick<Logger, 'warn'>
  /** Sends an operation in an HTTP request of its own. */
  readonly sendSingle: (operation: OutgoingOperation) => Promise<OperationResponse>
  /** Whether a response comes from the subgraph rather than from a proxy before it. */
  readonly isGraphQLResponse: (response: OperationResponse) => boolean
}

interface Pending {
  readonly operation: OutgoingOperation
  /** For whom it is sent; operations of several tenants are flushed together. */
  readonly workload: Workload | undefined
  readonly resolve: (response: OperationResponse) => void
  readonly reject: (error: unknown) => void
}

/** Statuses of a subgraph that has no batch endpoint, or rejects the gateway's secret. */
const unsupportedStatuses = new Set([401, 403, 404, 405, 415])
/** Milliseconds without batches after such a status. */
const unsupportedPause = 60_000

/** The size of an operation that shares nothing with others of its batch. */
const charactersOf = ({ query, variables, callerHeaders }: OutgoingOperation): number =>
  query.length + variables.length + (callerHeaders['authorization']?.length ?? 0)

/**
 * Sends the operations of one turn of the event loop in one request. Nothing waits for a batch to fill: an
 * operation that is the only one of its turn is sent by itself. Responses arrive one by one, in any order.
 *
 * @returns a function that rejects when there was no response
 */
export function createOperationBatcher({
  pool,
  url,
  timeout,
  gatewaySecret,
  log,
  sendSingle,
  isGraphQLResponse,
}: OperationBatcherOptions): (operation: OutgoingOperation) => Promise<OperationResponse> {
  const path = new URL(batchPath, url).pathname
  const headers = { [gatewayCredentialHeader]: gatewayCredential(gatewaySecret) }
  let pending: Pending[] = []
  let batchingResumesAt = 0

  function flush(): void {
    const all = pending
    pending = []
    const supportsBatches = performance.now() >= batchingResumesAt
    let batch: Pending[] = []
    let characters = 0
    for (const each of all) {
      const length = charactersOf(each.operation)
      if (length > maxBatchCharacters || !supportsBatches) {
        dispatchSingle(each)
        continue
      }
      if (batch.length === maxBatch || characters + length > maxBatchCharacters) {
        dispatch(batch)
        batch = []
        characters = 0
      }
      batch.push(each)
      characters += length
    }
    dispatch(batch)
  }

  function dispatchSingle({ operation, workload, resolve, reject }: Pending): void {
    runWorkload(workload, () => sendSingle(operation)).then(resolve, reject)
  }

  function dispatch(batch: readonly Pending[]): void {
    if (batch.length > 1) void sendBatch(batch)
    else for (const single of batch) dispatchSingle(single)
  }

  async function sendBatch(batch: readonly Pending[]): Promise<void> {
    const open = new Set(batch)
    const read = createBatchReader((index, response) => {
      const answered = batch[index]
      if (answered === undefined) return
      open.delete(answered)
      answered.resolve(response)
    })
    const body = encodeBatch(batch.map(({ operation }) => operation))
    try {
      const response = await postStreaming({ pool, path, headers, body, timeout, onChunk: read })
      if (unsupportedStatuses.has(response.status)) {
        batchingResumesAt = performance.now() + unsupportedPause
        log.warn({ status: response.status, path }, 'the subgraph accepts no batches from this gateway')
        for (const each of open) dispatchSingle(each)
        return
      }
      // The subgraph refused the batch unread, for example because it is overloaded: each operation is
      // refused.
      if (response.status !== 200) {
        if (!isGraphQLResponse(response))
          throw new Error(`the subgraph answered a batch with status ${String(response.status)}`)
        for (const { resolve } of open) resolve(response)
        return
      }
      if (open.size > 0) throw new Error('the subgraph did not answer all operations of a batch')
    } catch (error) {
      for (const { reject } of open) reject(error)
    }
  }

  return (operation) =>
    new Promise((resolve, reject) => {
      if (pending.length === 0) setImmediate(flush)
      pending.push({ operation, workload: currentWorkload(), resolve, reject })
    })
}
