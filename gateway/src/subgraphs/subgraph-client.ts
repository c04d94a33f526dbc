import {
  batchPath,
  type OperationAnswer,
  type OutgoingOperation,
  type RequestContext,
} from '@user-stats/graphql'
import { clientAddressHeader, sealAddress, type Logger } from '@user-stats/http'
import { timeIsOver, timeoutHeader, type Breaker } from '@user-stats/core'
import type { Dispatcher } from 'undici'
import { createBatches } from '../fast-path/operation-batcher.ts'
import { isAnswer } from './post-streaming.ts'

/** An operation for a subgraph. */
export interface Operation extends Pick<OutgoingOperation, 'query' | 'operationName' | 'variables'> {
  /** Whether it may share a request with others: nothing short of its time limit ends it then. */
  readonly shared: boolean
}

export interface LinkOptions {
  /** The subgraph's GraphQL endpoint. */
  readonly url: string
  /** Connections to its origin. */
  readonly pool: Dispatcher
  /** Shared by all who ask that subgraph. */
  readonly breaker: Breaker
  /** Operations under way at most: beyond it the subgraph counts as away. */
  readonly maxUnderWay: number
  /** Milliseconds until it counts as away. */
  readonly timeout: number
  /**
   * By which it recognises the gateway: for batches, and for the address of anonymous clients, whose wrong API keys it
   * counts. Without it each operation is sent by itself.
   */
  readonly gatewaySecret?: string | undefined
  readonly log: Pick<Logger, 'warn'>
}

/** Why an operation was not sent: too much is under way, its time is over, or the subgraph counts as away. */
export const notAsked = new Error('the subgraph was not asked')

export type Link = ReturnType<typeof createLink>

/**
 * Takes operations to a subgraph over kept-alive connections, with the caller's own token. Each is sent once: nobody
 * knows whether a mutation that was not answered has been carried out.
 */
export function createLink({ url, pool, breaker, maxUnderWay, timeout, gatewaySecret, log }: LinkOptions) {
  const path = pathOf(url)
  let underWay = 0
  let lastFailure: unknown
  const batches =
    gatewaySecret === undefined
      ? undefined
      : createBatches({
          pool,
          path: pathOf(new URL(batchPath, url).href),
          timeout,
          gatewaySecret,
          log,
          alone: post,
        })

  /** Sends one operation in a request of its own, which ends with `signal`. */
  async function post(
    { query, operationName, variables, sender, own }: OutgoingOperation,
    signal?: AbortSignal,
  ): Promise<OperationAnswer> {
    const deadline = createDeadline(timeout, signal)
    try {
      const { statusCode, body } = await pool.request({
        path,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          // What it cost is said by the gateway: the answer may be handed on.
          prefer: 'return=minimal',
          ...sender,
          ...own,
        },
        body: `{"query":${JSON.stringify(query)},"variables":${variables}${operationName === undefined ? '' : `,"operationName":${JSON.stringify(operationName)}`}}`,
        signal: deadline.signal,
      })
      return { status: statusCode, text: await body.text() }
    } finally {
      deadline.end()
    }
  }

  return {
    /** @throws Error when there was no answer */
    async send(
      { shared, ...operation }: Operation,
      context: Pick<RequestContext, 'authorization' | 'requestId' | 'signal' | 'address' | 'deadline'>,
    ): Promise<OperationAnswer> {
      const { authorization, requestId, deadline } = context
      const left = Math.min(timeout, deadline - performance.now())
      const ticket = left < 1 || underWay >= maxUnderWay ? 0 : breaker.enter()
      if (ticket === 0) throw notAsked
      const outgoing: OutgoingOperation = {
        ...operation,
        sender: { ...(authorization !== undefined && { authorization }) },
        own: {
          'x-request-id': requestId,
          // A little less than we wait, so that it is the subgraph that says what took too long.
          [timeoutHeader]: String(Math.ceil(left * 0.95)),
          ...(authorization === undefined &&
            gatewaySecret !== undefined && {
              [clientAddressHeader]: sealAddress(gatewaySecret, context.address),
            }),
        },
      }
      underWay += 1
      try {
        const answer = await (shared && batches ? batches.send(outgoing) : post(outgoing, context.signal))
        if (isAnswer(answer)) breaker.answered()
        else breaker.failed(ticket)
        return answer
      } catch (error) {
        // A client that went away says nothing of the subgraph; what failed together failed once.
        const gone = !shared && context.signal.aborted && context.signal.reason !== timeIsOver
        if (!gone && error !== lastFailure) breaker.failed(ticket)
        lastFailure = error
        throw error
      } finally {
        underWay -= 1
      }
    },
  }
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return `${pathname}${search}`
}

/** A signal that ends with the request, or when the time is over. */
function createDeadline(timeout: number, request: AbortSignal | undefined) {
  const controller = new AbortController()
  const abort = (): void => {
    controller.abort()
  }
  const timer = setTimeout(abort, timeout)
  if (request?.aborted === true) abort()
  else request?.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    end: (): void => {
      clearTimeout(timer)
      request?.removeEventListener('abort', abort)
    },
  }
}
