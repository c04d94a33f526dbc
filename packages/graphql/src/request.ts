import type { GraphQLFormattedError, OperationTypeNode } from 'graphql'
import type { Logger } from '@user-stats/http'
import type { Caller, DomainError } from '@user-stats/core'
import type { CostNote } from './limits/cost-extension.ts'

/** What every operation knows of its request. Services add their own domain to it. */
export interface RequestContext {
  readonly caller: Caller
  /** The caller's Authorization header, to be forwarded. */
  readonly authorization: string | undefined
  readonly requestId: string
  /** TOO_MANY_REQUESTS when the caller is anonymous and its address has exceeded its limit: it may only sign in. */
  readonly overLimit?: DomainError | undefined
  /** Where the request comes from; worked out when asked for. Personal data. */
  readonly address: string
  /** Until when it may take, as `performance.now()` counts. */
  readonly deadline: number
  /** Aborted when the client goes away, or (`timeIsOver`) at the deadline. Made when it is first asked for. */
  readonly signal: AbortSignal
  readonly log: Logger
}

/** An operation as a client sends it. */
export interface GraphRequest {
  readonly query: string
  readonly variables?: Readonly<Record<string, unknown>> | undefined
  readonly operationName?: string | undefined
}

/** What became of an operation. Without `data` nothing was executed, or executing broke off. */
export interface GraphResult {
  readonly data?: Readonly<Record<string, unknown>> | null
  readonly errors?: readonly GraphQLFormattedError[]
  /** The kind of the operation; an engine says so. */
  readonly operation?: OperationTypeNode
  /** What it cost; an engine says so. */
  readonly note?: CostNote
}
