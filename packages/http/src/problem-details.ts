import { STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'
import { failedRequestOf } from './error-reporter.ts'
import type { DomainError, ExceededLimit, Fault } from '@user-stats/core'

/**
 * A problem document (RFC 9457), with `message` in addition to `detail` for clients of the previous system.
 */
export interface Problem {
  readonly type: 'about:blank'
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly message: string
  readonly field?: string
  /** All faults found. */
  readonly errors?: readonly Fault[]
  readonly limit?: string
  readonly requested?: number
  readonly maximum?: number
}

const toProblem = (error: DomainError): Problem => ({
  type: 'about:blank',
  title: STATUS_CODES[error.status] ?? 'Error',
  status: error.status,
  code: error.code,
  detail: error.message,
  message: error.message,
  ...(error.field !== undefined && { field: error.field }),
  ...(error.faults.length > 0 && { errors: error.faults }),
  ...membersOfLimit(error.limit),
})

/** An exceeded limit: its name, the requested amount, and the maximum. */
export const membersOfLimit = (
  limit: ExceededLimit | undefined,
): { limit?: string; requested?: number; maximum?: number } =>
  limit === undefined ? {} : { limit: limit.name, requested: limit.requested, maximum: limit.maximum }

/** Sends a problem document with additional members, and reports the error. */
export function sendProblem(reply: FastifyReply, error: DomainError, more: object = {}): FastifyReply {
  reply.server.errors.report([{ code: error.code, error }], failedRequestOf(reply.request))
  if (error.status === 401) void reply.header('www-authenticate', 'Bearer')
  if (error.retryAfter !== undefined) void reply.header('retry-after', String(error.retryAfter))
  return reply
    .code(error.status)
    .header('content-type', 'application/problem+json; charset=utf-8')
    .serializer(JSON.stringify)
    .send({ ...toProblem(error), ...more })
}

/**
 * A complete HTTP response to bytes that could not be parsed as a request; it closes the connection.
 */
export function problemResponse(error: DomainError): string {
  const body = JSON.stringify(toProblem(error))
  return [
    `HTTP/1.1 ${String(error.status)} ${STATUS_CODES[error.status] ?? 'Error'}`,
    'connection: close',
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${String(Buffer.byteLength(body))}`,
    '',
    body,
  ].join('\r\n')
}

/** The schema of a problem document, for OpenAPI. */
export const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail', 'message'],
  properties: {
    type: { type: 'string', const: 'about:blank' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'One of the codes in the list of errors.' },
    detail: { type: 'string' },
    message: { type: 'string', description: 'The same as `detail`.' },
    field: { type: 'string', description: 'The invalid member, the first if there are several.' },
    errors: {
      type: 'array',
      description: 'Each invalid member, 20 at most.',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: { field: { type: 'string' }, message: { type: 'string' } },
      },
    },
    limit: { type: 'string', description: 'The limit that was exceeded.' },
    requested: { type: 'number', description: 'The requested amount.' },
    maximum: { type: 'number', description: 'What is allowed.' },
  },
} as const
