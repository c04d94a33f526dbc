import { DomainError } from '@user-stats/core'
import type { ErrorCode } from '@user-stats/core'
import { compile } from '../validation.ts'
import { parseJson } from '@user-stats/core'
import type { Element } from './elements.ts'

/** An event as a script writes it. Other members are refused. */
export const bulkItemSchema = {
  type: 'object',
  required: ['type', 'user_id'],
  additionalProperties: false,
  properties: {
    type: { type: 'string', minLength: 1, maxLength: 128 },
    user_id: { type: 'string', minLength: 1, maxLength: 128 },
    data: { type: 'object', default: {}, description: 'Up to 64 KiB and 32 levels.' },
    store_id: {
      type: 'integer',
      minimum: 1,
      maximum: 2_147_483_647,
      description: 'Required for admins; others may only name their own.',
    },
    occurred_at: {
      type: 'string',
      format: 'date-time',
      description: 'When it happened; the time of receipt if absent.',
    },
    idempotency_key: { type: 'string', minLength: 1, maxLength: 255 },
  },
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

const check = compile(bulkItemSchema, { text: false })

const members: Readonly<Record<string, string>> = {
  userId: 'user_id',
  storeId: 'store_id',
  occurredAt: 'occurred_at',
  idempotencyKey: 'idempotency_key',
}

/** An error of `recordEvents` under the names that scripts use. */
export function toMember<T extends { readonly field: string | null; readonly message: string }>(error: T): T {
  const name = error.field === null ? undefined : members[error.field]
  if (name === undefined || error.field === null) return error
  return { ...error, field: name, message: error.message.replace(`${error.field}:`, `${name}:`) }
}

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
    const event = check(parsed as Record<string, unknown>)
    const input: Record<string, unknown> = {
      type: event['type'],
      userId: event['user_id'],
      data: event['data'],
    }
    // What is absent stays absent: undefined would be taken for null.
    if (event['store_id'] !== undefined) input['storeId'] = event['store_id']
    if (event['occurred_at'] !== undefined) input['occurredAt'] = event['occurred_at']
    if (event['idempotency_key'] !== undefined) input['idempotencyKey'] = event['idempotency_key']
    return { line, input }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return rejection(line, error.code, error.field ?? null, error.message)
  }
}
