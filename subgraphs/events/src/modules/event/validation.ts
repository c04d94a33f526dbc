import { createHash } from 'node:crypto'
import { badInput, requireAll, dayMs } from '@user-stats/core'

const maxDataBytes = 65_536
const maxDataDepth = 32
const aheadMs = 5 * 60_000
/** How many days back an event may have happened. */
const horizonDays = 3_650

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

/** Whether PostgreSQL can store a string: no NUL, no unpaired surrogates. */
const isText = (value: string): boolean => !value.includes('\0') && value.isWellFormed()

/** @throws BAD_USER_INPUT unless the value has 1 to `max` characters that can be stored */
export function requireText(field: string, value: string, max: number): string {
  if (!isText(value)) throw badInput(field, 'must not contain NUL or unpaired surrogates')
  // Characters as PostgreSQL counts them; a string never has fewer code units.
  if (value.length === 0 || (value.length > max && Array.from(value).length > max))
    throw badInput(field, `must have 1 to ${String(max)} characters`)
  return value
}

function checkData(value: unknown, path: string, depth: number): void {
  if (typeof value === 'string') {
    if (!isText(value)) throw badInput(path, 'must not contain NUL or unpaired surrogates')
  } else if (typeof value === 'object' && value !== null) {
    if (depth > maxDataDepth)
      throw badInput('data', `must not be nested deeper than ${String(maxDataDepth)} levels`)
    for (const [key, member] of Object.entries(value)) {
      if (!isText(key)) throw badInput(path, 'must not have names with NUL or unpaired surrogates')
      checkData(member, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, depth + 1)
    }
  }
}

function encodeData(data: Record<string, unknown>): string {
  const json = JSON.stringify(data)
  // Check the size first: visiting each value of very large data takes long.
  if (Buffer.byteLength(json) > maxDataBytes) throw badInput('data', 'must not be larger than 64 KiB as JSON')
  checkData(data, 'data', 1)
  return json
}

function requireOccurredAt({ occurredAt }: EventInput, receivedAt: Date): Date {
  if (occurredAt == null) return receivedAt
  if (occurredAt.getTime() > receivedAt.getTime() + aheadMs)
    throw badInput('occurredAt', 'must not be more than 5 minutes ahead')
  if (occurredAt.getTime() < receivedAt.getTime() - horizonDays * dayMs)
    throw badInput('occurredAt', `must not be more than ${String(horizonDays)} days ago`)
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
  const json = encodeData(data)
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
    () => encodeData(input.data ?? {}),
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
