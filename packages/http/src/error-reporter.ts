import { catalogue, DomainError, isErrorCode, type Caller } from '@user-stats/core'
import type { FastifyRequest } from 'fastify'
import { logIdsOf, type LogIds } from './log-ids.ts'
import type { Logger } from './logger.ts'
import type { Metrics } from './metrics.ts'

/** An error as answered, and its cause. */
export interface AnsweredError {
  readonly code: string
  readonly error?: unknown
}

/** The request that failed. */
export interface FailedRequest {
  /** The route's URL pattern. */
  readonly route: string
  /** The type of the GraphQL operation, if any. */
  readonly operation?: 'query' | 'mutation' | 'subscription' | undefined
  readonly caller?: Caller | undefined
  /** A logger bound to the request and its caller. */
  readonly log: Pick<Logger, 'warn' | 'error'>
}

export interface ErrorReporterOptions {
  readonly log: Logger
  readonly metrics: Pick<Metrics, 'errors'>
}

export type ErrorReporter = ReturnType<typeof createErrorReporter>

/** Milliseconds between two summaries. */
const summaryInterval = 60_000
/** Maximum callers that a summary lists one by one. */
const maxCallers = 1_000

/** The data of a request that the error reporter needs. */
export const failedRequestOf = ({ routeOptions, caller, log }: FastifyRequest): FailedRequest => ({
  route: routeOptions.url ?? 'unknown',
  caller,
  log: log,
})

/**
 * Counts each error once, when its response is sent. Server errors (5xx) are logged at once, with their
 * cause; errors of callers (4xx) are summed up per caller and minute.
 */
export function createErrorReporter({ log, metrics }: ErrorReporterOptions) {
  let callers = new Map<string, { ids: object; refused: Record<string, number> }>()

  function sumUp(ids: LogIds | undefined, code: string): void {
    const known = callers.has(keyOf(ids)) || callers.size < maxCallers
    const key = known ? keyOf(ids) : 'others'
    const sums = callers.get(key) ?? { ids: known ? (ids ?? anonymous) : { caller: 'others' }, refused: {} }
    sums.refused[code] = (sums.refused[code] ?? 0) + 1
    callers.set(key, sums)
  }

  /** Logs the summary and starts a new one. */
  function flush(): void {
    const summary = callers
    callers = new Map()
    for (const { ids, refused } of summary.values()) log.info({ ...ids, refused }, 'requests refused')
  }

  const timer = setInterval(flush, summaryInterval).unref()

  return {
    report(errors: readonly AnsweredError[], request: FailedRequest): void {
      const { route, operation, caller, log } = request
      const own = new Map<string, { error: unknown; count: number }>()
      for (const { code, error } of errors) {
        metrics.errors.inc({ code, route, operation: operation ?? '' })
        if (statusOf(code) < 500) sumUp(concernedBy(error) ?? logIdsOf(caller), code)
        else own.set(code, { error, count: (own.get(code)?.count ?? 0) + 1 })
      }
      for (const [code, { error, count }] of own) {
        const line = { code, route, operation, count, err: causeOf(error) }
        if (code === 'INTERNAL_SERVER_ERROR') log.error(line, 'unexpected error')
        else log.warn(line, 'unavailable')
      }
    },
    flush,
    close: (): void => {
      clearInterval(timer)
      flush()
    },
  }
}

const anonymous = { caller: 'anonymous' } as const

const keyOf = (ids: LogIds | undefined): string => ids?.keyId ?? ids?.service ?? ''

/** Codes outside the catalogue are GraphQL's own, for invalid documents. */
const statusOf = (code: string): number => (isErrorCode(code) ? catalogue[code].status : 400)

/** The API key that an error is about, for requests without a token. */
const concernedBy = (error: unknown): LogIds | undefined =>
  error instanceof DomainError && error.key !== undefined ? error.key : undefined

const causeOf = (error: unknown): unknown => (error instanceof DomainError ? error.cause : error)
