import { badInput } from '../errors/domain-error.ts'
import { dayMs } from '../time.ts'

/** Rules of members that need no database, shared by the graph and the routes. */

const maxDataBytes = 65_536
const maxDataDepth = 32
const aheadMs = 5 * 60_000

/** The oldest an event may be. */
const horizonDays = 3_650

/** @throws BAD_USER_INPUT unless PostgreSQL can store the text: no NUL, no unpaired surrogates */
export function requireStorable(field: string, value: string): void {
  if (!isStorable(value)) throw badInput(field, 'must not contain NUL or unpaired surrogates')
}

const isStorable = (value: string): boolean => !value.includes('\0') && value.isWellFormed()

/**
 * @returns an event's `data` as JSON
 * @throws BAD_USER_INPUT when it is too large or nested too deep, or holds text that cannot be stored
 */
export function encodeEventData(data: object): string {
  const json = JSON.stringify(data)
  // Check the size first: visiting each value of very large data takes long.
  if (Buffer.byteLength(json) > maxDataBytes) throw badInput('data', 'must not be larger than 64 KiB as JSON')
  checkData(data, 'data', 1)
  return json
}

function checkData(value: unknown, path: string, depth: number): void {
  if (typeof value === 'string') requireStorable(path, value)
  else if (typeof value === 'object' && value !== null) {
    if (depth > maxDataDepth)
      throw badInput('data', `must not be nested deeper than ${String(maxDataDepth)} levels`)
    for (const [key, member] of Object.entries(value)) {
      if (!isStorable(key)) throw badInput(path, 'must not have names with NUL or unpaired surrogates')
      checkData(member, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, depth + 1)
    }
  }
}

/** @throws BAD_USER_INPUT when an event happened too long ago or too far ahead of the time of receipt */
export function requireEventTime(field: string, occurredAt: Date, receivedAt: Date): void {
  if (occurredAt.getTime() > receivedAt.getTime() + aheadMs)
    throw badInput(field, 'must not be more than 5 minutes ahead')
  if (occurredAt.getTime() < receivedAt.getTime() - horizonDays * dayMs)
    throw badInput(field, `must not be more than ${String(horizonDays)} days ago`)
}
