import type { GraphQLDataSourceProcessOptions } from '@apollo/gateway'
import type { RequestContext } from '@user-stats/graphql'
import {
  clientAddressHeader,
  gatewayCredential,
  gatewayCredentialHeader,
  sealAddress,
  type Logger,
} from '@user-stats/http'
import { deadlineExceeded, timeoutHeader, type Breaker } from '@user-stats/core'
import type { Dispatcher } from 'undici'
import { createRequestPermits, type RequestPermitsOptions } from './request-permits.ts'

type Headers = Readonly<Record<string, string>>

/** An operation that the query planner wrote for a subgraph. */
export type PlannedOperation = Pick<
  GraphQLDataSourceProcessOptions['request'],
  'query' | 'variables' | 'operationName'
>

/** A request to a subgraph, before it is written to a connection. */
export interface SubgraphRequest {
  readonly query: string
  readonly operationName: string | undefined
  /** As JSON. */
  readonly variables: string
  /** Headers that all requests of one caller share. */
  readonly callerHeaders: Headers
  /** Headers of this request alone, such as its id. */
  readonly requestHeaders: Headers
}

/** A GraphQL response over HTTP, not parsed. */
export interface SubgraphResponse {
  readonly status: number
  readonly text: string
}

export type SendRequest = (request: SubgraphRequest) => Promise<SubgraphResponse>

/** The part of a request's context that a subgraph is sent. */
type Sender = Pick<RequestContext, 'authorization' | 'requestId' | 'signal' | 'address' | 'deadline'>

export type SendOperation = (operation: PlannedOperation, sender: Sender) => Promise<SubgraphResponse>

/** The destination of requests to a subgraph, and the function that sends a single one. */
export interface SubgraphTransport {
  readonly pool: Dispatcher
  /** The subgraph's GraphQL endpoint. */
  readonly url: string
  /** Milliseconds until the subgraph counts as unavailable. */
  readonly timeout: number
  /** The credential by which a subgraph recognises the gateway. */
  readonly gatewaySecret: string
  readonly log: Pick<Logger, 'warn'>
  readonly sendSingle: SendRequest
  readonly isGraphQLResponse: (response: SubgraphResponse) => boolean
}

export interface SubgraphClientOptions
  extends Pick<SubgraphTransport, 'pool' | 'url' | 'timeout' | 'log'>, RequestPermitsOptions {
  /** One per subgraph, for all callers. */
  readonly breaker: Breaker
  /**
   * The credential by which a subgraph recognises the gateway: for batches, for the address of anonymous
   * clients, whose wrong API keys it counts, and to keep the gateway's connections.
   */
  readonly gatewaySecret?: string | undefined
  /**
   * Batches requests where that is cheaper; needs the secret. Without it each is an HTTP request of its own.
   */
  readonly createBatcher?: ((transport: SubgraphTransport) => SendRequest) | undefined
}

/** The request was not sent: too many are in flight, its deadline has passed, or the circuit is open. */
export class RequestNotSentError extends Error {}

const notSent = (): RequestNotSentError => new RequestNotSentError('the request to the subgraph was not sent')

/**
 * A subgraph's response has a body of JSON, whatever its status; a proxy's, for a subgraph that is down, has
 * HTML.
 */
const isGraphQLResponse = ({ status, text }: SubgraphResponse): boolean =>
  status < 500 || text.startsWith('{')

/** Milliseconds of a request's time that a subgraph leaves for its error to arrive. */
const answerMargin = 250

// Mutations are executed even if their client disconnects, and entity lookups are short. Other queries may
// take long.
const runsToEnd = /^(?:mutation\b|query[^{]*\{_entities\()/

/**
 * Sends operations to a subgraph over kept-alive connections, with the caller's own token. Each is sent once:
 * a mutation without a response may have been carried out.
 *
 * @returns a function that rejects when there was no response, with RequestNotSentError when nothing was sent
 */
export function createSubgraphClient({
  breaker,
  maxConnections,
  maxInFlight,
  gatewaySecret,
  createBatcher,
  ...connection
}: SubgraphClientOptions): SendOperation {
  const { pool, url, timeout } = connection
  const path = pathOf(url)
  const credential = credentialOf(gatewaySecret)
  const permits = createRequestPermits({ maxConnections, maxInFlight })
  let lastFailure: unknown
  const batch =
    gatewaySecret === undefined
      ? undefined
      : createBatcher?.({
          ...connection,
          gatewaySecret,
          isGraphQLResponse,
          sendSingle: (request) => post(request),
        })

  /** Sends one HTTP request, which `signal` cancels. */
  async function post(
    { query, operationName, variables, callerHeaders, requestHeaders }: SubgraphRequest,
    signal?: AbortSignal,
  ): Promise<SubgraphResponse> {
    const deadline = createDeadline(timeout, signal)
    const permit = await permits.connection(deadline.signal)
    try {
      if (permit === undefined) throw notSent()
      const { statusCode, body } = await pool.request({
        path,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          // Without the cost extension: the gateway adds its own, and may forward the body unparsed.
          prefer: 'return=minimal',
          ...credential,
          ...callerHeaders,
          ...requestHeaders,
        },
        body: `{"query":${JSON.stringify(query)},"variables":${variables}${operationName === undefined ? '' : `,"operationName":${JSON.stringify(operationName)}`}}`,
        signal: deadline.signal,
      })
      return { status: statusCode, text: await body.text() }
    } finally {
      permit?.release()
      deadline.clear()
    }
  }

  function toRequest(
    { query = '', operationName, variables }: PlannedOperation,
    { authorization, requestId, address }: Sender,
    timeLeft: number,
  ): SubgraphRequest {
    const anonymous = authorization === undefined
    return {
      query,
      operationName,
      variables: JSON.stringify(variables ?? {}),
      callerHeaders: anonymous ? {} : { authorization },
      requestHeaders: {
        'x-request-id': requestId,
        // A little less than our own timeout, so that the subgraph's error names what took too long.
        [timeoutHeader]: String(Math.ceil(timeLeft - Math.min(timeLeft / 4, answerMargin))),
        ...(anonymous &&
          gatewaySecret !== undefined && { [clientAddressHeader]: sealAddress(gatewaySecret, address) }),
      },
    }
  }

  async function exchange(
    request: SubgraphRequest,
    signal: () => AbortSignal,
    attempt: number,
  ): Promise<SubgraphResponse> {
    const cancellable = !runsToEnd.test(request.query)
    try {
      const response = await (cancellable ? post(request, signal()) : (batch ?? post)(request))
      if (isGraphQLResponse(response)) breaker.onSuccess()
      else breaker.onFailure(attempt)
      return response
    } catch (error) {
      // A client that disconnects is no failure of the subgraph; requests of one batch fail once.
      const cancelled = cancellable && signal().aborted && signal().reason !== deadlineExceeded
      const failed = !cancelled && !(error instanceof RequestNotSentError) && error !== lastFailure
      if (failed) breaker.onFailure(attempt)
      lastFailure = error
      throw error
    }
  }

  return async (operation, sender) => {
    const timeLeft = Math.min(timeout, sender.deadline - performance.now())
    const permit = timeLeft < 1 ? undefined : permits.tryBegin()
    const attempt = permit === undefined ? 0 : breaker.tryAcquire()
    try {
      if (attempt === 0) throw notSent()
      return await exchange(toRequest(operation, sender, timeLeft), () => sender.signal, attempt)
    } finally {
      permit?.release()
    }
  }
}

/** The headers by which a subgraph recognises a request, and its connection, as the gateway's. */
export const credentialOf = (gatewaySecret: string | undefined): Headers =>
  gatewaySecret === undefined ? {} : { [gatewayCredentialHeader]: gatewayCredential(gatewaySecret) }

function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return `${pathname}${search}`
}

/** A signal that aborts with `parent`, or after the timeout. */
function createDeadline(timeout: number, parent: AbortSignal | undefined) {
  const controller = new AbortController()
  const abort = (): void => {
    controller.abort()
  }
  const timer = setTimeout(abort, timeout)
  if (parent?.aborted === true) abort()
  else parent?.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    clear: (): void => {
      clearTimeout(timer)
      parent?.removeEventListener('abort', abort)
    },
  }
}
