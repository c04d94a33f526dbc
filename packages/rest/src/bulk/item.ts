import { DomainError } from '@user-stats/core'
import type { ErrorCode } from '@user-stats/core'
import { eventMembers } from '../event.schema.ts'
import { compile, requireValid } from '../validation.ts'
import { parseJson } from '@user-stats/core'
import type { Element } from './elements.ts'

/** An event as a script writes it. Other members are refused. */
export const bulkItemSchema = {
  type: 'object',
  required: ['type', 'user_id'],
  additionalProperties: false,
  properties: eventMembers,
} as const

export interface BulkItem {
  readonly line: number
  /** A `RecordEventInput`. */
  readonly input: Readonly<Record<string, unknown>>
}

export interface Rejection {
  readonly line: number
  readonly code: string
  readonly field: string | null
  readonly message: string
}

const check = compile(bulkItemSchema, { text: false, others: 'refused' })

const members: Readonly<Record<string, string>> = {
  userId: 'user_id',
  storeId: 'store_id',
  occurredAt: 'occurred_at',
  idempotencyKey: 'idempotency_key',
}

/** An error of `recordEvents` under the names that scripts use. Its message may be about several members. */
export const toMember = <T extends { readonly field: string | null; readonly message: string }>(
  error: T,
): T => ({
  ...error,
  field: error.field === null ? null : (members[error.field] ?? error.field),
  message: error.message.replaceAll(
    /(^|; )(\w+)(?=:)/g,
    (_match, before: string, name: string) => before + (members[name] ?? name),
  ),
})

const rejection = (line: number, code: ErrorCode, field: string | null, message: string): Rejection => ({
  line,
  code,
  field,
  message,
})

/** Reads one element; what is wrong with it concerns it alone. */
export function readItem({ line, text }: Element): BulkItem | Rejection {
  if (text === undefined) return rejection(line, 'PAYLOAD_TOO_LARGE', null, 'The event is longer than 1 MiB.')
  try {
    const parsed = parseJson(text)
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
      return rejection(line, 'BAD_USER_INPUT', null, 'An event must be a JSON object.')
    const event = requireValid(check(parsed as Record<string, unknown>))
    const input: Record<string, unknown> = {
      type: event['type'],
      userId: event['user_id'],
    }
    // What is absent stays absent: undefined would be taken for null.
    if (event['data'] !== undefined) input['data'] = event['data']
    if (event['store_id'] !== undefined) input['storeId'] = event['store_id']
    if (event['occurred_at'] !== undefined) input['occurredAt'] = event['occurred_at']
    if (event['idempotency_key'] !== undefined) input['idempotencyKey'] = event['idempotency_key']
    return { line, input }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return rejection(line, error.code, error.field ?? null, error.message)
  }
}
