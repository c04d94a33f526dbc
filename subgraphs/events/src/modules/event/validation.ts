import { createHash } from 'node:crypto'
import { badInput, encodeEventData, requireAll, requireEventTime, requireStorable } from '@user-stats/core'

/** One event, as sent. */
export interface EventInput {
  readonly storeId?: number | null
  readonly type: string
  readonly userId: string
  readonly data?: Record<string, unknown> | null
  readonly occurredAt?: Date | null
  readonly idempotencyKey?: string | null
}

/** A valid event, ready to be written in a batch. */
export interface PreparedEvent {
  readonly storeId: number
  readonly type: string
  readonly userId: string
  readonly data: Record<string, unknown>
  /** `data` as JSON. */
  readonly json: string
  readonly occurredAt: Date
  readonly receivedAt: Date
  readonly key: string | null
  /** SHA-256 of the content as sent; null without a key. */
  readonly fingerprint: Buffer | null
}

/** @throws BAD_USER_INPUT unless the value has 1 to `max` characters that can be stored */
export function requireText(field: string, value: string, max: number): string {
  requireStorable(field, value)
  // Characters as PostgreSQL counts them; a string never has fewer code units.
  if (value.length === 0 || (value.length > max && Array.from(value).length > max))
    throw badInput(field, `must have 1 to ${String(max)} characters`)
  return value
}

function requireOccurredAt({ occurredAt }: EventInput, receivedAt: Date): Date {
  if (occurredAt == null) return receivedAt
  requireEventTime('occurredAt', occurredAt, receivedAt)
  return occurredAt
}

const requireKey = ({ idempotencyKey }: EventInput): string | null =>
  idempotencyKey == null ? null : requireText('idempotencyKey', idempotencyKey, 255)

/**
 * Checks an event against all rules that need no database.
 *
 * @throws BAD_USER_INPUT naming the first invalid member and the rule
 */
export function prepareEvent(input: EventInput, storeId: number, receivedAt: Date): PreparedEvent {
  const type = requireText('type', input.type, 128)
  const userId = requireText('userId', input.userId, 128)
  const data = input.data ?? {}
  const json = encodeEventData(data)
  const occurredAt = requireOccurredAt(input, receivedAt)
  const key = requireKey(input)
  return {
    storeId,
    type,
    userId,
    data,
    json,
    occurredAt,
    receivedAt,
    key,
    fingerprint: key === null ? null : fingerprintOf(type, userId, data, input.occurredAt ?? null),
  }
}

/** Checks an event against all of these rules. @throws BAD_USER_INPUT naming each member that breaks one */
export function requireEvent(input: EventInput, requireStore: () => unknown, receivedAt: Date): void {
  requireAll(
    requireStore,
    () => requireText('type', input.type, 128),
    () => requireText('userId', input.userId, 128),
    () => encodeEventData(input.data ?? {}),
    () => requireOccurredAt(input, receivedAt),
    () => requireKey(input),
  )
}

/** Objects that differ only in the order of their members are equal. */
const sorted = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value

const fingerprintOf = (type: string, userId: string, data: object, occurredAt: Date | null): Buffer =>
  createHash('sha256')
    .update(JSON.stringify([type, userId, occurredAt?.getTime() ?? null, data], sorted))
    .digest()
