import type { GraphQLFormattedError, OperationTypeNode } from 'graphql'
import type { Logger } from '@user-stats/http'
import type { Caller, DomainError } from '@user-stats/core'
import type { CostExtension } from './limits/cost-extension.ts'

/** The part of an operation's context that all services share. Services add their own domain to it. */
export interface RequestContext {
  readonly caller: Caller
  /** The caller's Authorization header, to be forwarded. */
  readonly authorization: string | undefined
  readonly requestId: string
  /** TOO_MANY_REQUESTS when an anonymous caller's address exceeded its limit: it may only sign in. */
  readonly overLimit?: DomainError | undefined
  /** The client's address, computed lazily. Personal data. */
  readonly address: string
  /** The deadline on the clock of `performance.now()`. */
  readonly deadline: number
  /**
   * Aborted when the client disconnects, or at the deadline with the reason `deadlineExceeded`. Created
   * lazily.
   */
  readonly signal: AbortSignal
  readonly log: Logger
}

/** An operation as a client sends it. */
export interface GraphRequest {
  readonly query: string
  readonly variables?: Readonly<Record<string, unknown>> | undefined
  readonly operationName?: string | undefined
}

/** The result of an operation. Without `data`, nothing was executed or execution failed. */
export interface GraphResult {
  readonly data?: Readonly<Record<string, unknown>> | null
  readonly errors?: readonly GraphQLFormattedError[]
  /** The type of the operation; set by an engine. */
  readonly operation?: OperationTypeNode
  /** The cost of the operation; set by an engine. */
  readonly costExtension?: CostExtension
}
