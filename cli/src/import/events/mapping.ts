import { UsageError } from '../../failure.ts'

/** An event as `POST /api/events` takes it; values are checked there. */
export interface MappedEvent {
  readonly type?: unknown
  readonly user_id?: unknown
  readonly occurred_at?: unknown
  readonly idempotency_key?: unknown
  readonly data: Record<string, unknown>
}

/** The events of a record: most formats have one. */
export type Mapping = (record: Record<string, unknown>) => readonly MappedEvent[]

const members = ['type', 'user_id', 'occurred_at', 'idempotency_key', 'data']

/** The value at a path: `properties.price`. A name with dots in it is found as it is, too. */
export function valueAt(record: unknown, path: string): unknown {
  if (typeof record !== 'object' || record === null) return undefined
  const object = record as Record<string, unknown>
  if (Object.hasOwn(object, path)) return object[path]
  for (let dot = path.indexOf('.'); dot !== -1; dot = path.indexOf('.', dot + 1)) {
    const value = valueAt(object[path.slice(0, dot)], path.slice(dot + 1))
    if (value !== undefined) return value
  }
  return undefined
}

/**
 * Reads `type=event,user_id=distinct_id,data.price=properties.price`. A value in single quotes stands for
 * itself: `type='purchase'`.
 *
 * @param numbers whether texts that are numbers become such in `data`, as in CSV
 * @throws UsageError
 */
export function parseMapping(text: string, { numbers = false } = {}): Mapping {
  const entries = text.split(',').map((part) => {
    const [target = '', source = ''] = [
      part.slice(0, part.indexOf('=')),
      part.slice(part.indexOf('=') + 1),
    ].map((side) => side.trim())
    if (!part.includes('=') || source === '' || !(members.includes(target) || /^data\..+/.test(target)))
      throw new UsageError(
        `--map: expected ${members.join(', ')} or data.<name>, "=" and the name of a column, not "${part.trim()}"`,
      )
    return { target, source }
  })
  for (const member of ['type', 'user_id'])
    if (!entries.some(({ target }) => target === member)) throw new UsageError(`--map: ${member} is missing`)
  return (record) => {
    const event: Record<string, unknown> = {}
    const data: Record<string, unknown> = {}
    for (const { target, source } of entries) {
      const literal = /^'(.*)'$/.exec(source)?.[1]
      const value = literal ?? valueAt(record, source)
      if (value === undefined || value === '') continue
      if (target === 'data') Object.assign(data, objectOf(value))
      else if (target.startsWith('data.'))
        data[target.slice(5)] = numbers && literal === undefined ? numberOf(value) : value
      else event[target] = value
    }
    return [{ ...event, data }]
  }
}

/** Short enough to be exact, and not written as an id is: `007`. */
const numberOf = (value: unknown): unknown =>
  typeof value === 'string' && /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?$/.test(value) ? Number(value) : value

/** An object, also one written as text in a column; any other value under the name `value`. */
export function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  if (typeof value !== 'string') return { value }
  try {
    const parsed: unknown = JSON.parse(value)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : { value }
  } catch {
    return { value }
  }
}
