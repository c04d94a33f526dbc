import { createHash } from 'node:crypto'
import type { MappedEvent } from './mapping.ts'

/** Where events stand that are sent: their line in the file, and which event of the line. */
export interface Origin {
  readonly line: number
  readonly index: number
}

const text = (value: unknown): unknown =>
  typeof value === 'number' || typeof value === 'bigint' ? String(value) : value

/**
 * An event as it is sent. Without a key of its own it gets one that is derived from what it says and where it
 * stands, so that the same file sent again counts nothing twice.
 */
export function normalise(event: MappedEvent, { line, index }: Origin): Record<string, unknown> {
  const { type, user_id, occurred_at, idempotency_key, data } = event
  const sent = {
    type: text(type),
    user_id: text(user_id),
    ...(occurred_at !== undefined && { occurred_at: toInstant(occurred_at) }),
    data,
  }
  const derived = createHash('sha256')
    .update(JSON.stringify([line, index, sent]))
    .digest('base64url')
  const key =
    idempotency_key === undefined || idempotency_key === '' ? `import:${derived}` : text(idempotency_key)
  return { ...sent, idempotency_key: key }
}

const pattern = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(\.\d+)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i

/**
 * An instant as RFC 3339. Times without an offset are UTC; numbers are seconds, milliseconds or microseconds
 * since 1970, by their size. Anything else is left as it is, and refused by the gateway.
 */
export function toInstant(value: unknown): unknown {
  const number =
    typeof value === 'number' || /^\d{9,17}(?:\.\d+)?$/.test(String(value)) ? Number(value) : undefined
  if (number !== undefined) {
    const milliseconds = number < 1e11 ? number * 1_000 : number < 1e14 ? number : number / 1_000
    const date = new Date(milliseconds)
    return Number.isNaN(date.getTime()) ? value : date.toISOString()
  }
  if (typeof value !== 'string') return value
  const day = /^\d{4}-\d\d-\d\d$/.exec(value.trim())
  if (day) return `${day[0]}T00:00:00Z`
  const [, date, time = '', fraction = '', offset = 'Z'] = pattern.exec(value.trim()) ?? []
  if (date === undefined) return value
  const zone = /^[+-]/.test(offset)
    ? `${offset.slice(0, 3)}:${offset.replace(':', '').slice(3) || '00'}`
    : 'Z'
  return `${date}T${time.length === 5 ? `${time}:00` : time}${fraction.slice(0, 4)}${zone}`
}
